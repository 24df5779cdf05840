package dev.langchain4j.model.mlx.embed;

import dev.langchain4j.mlx.MlxArray;

/** Token ids in, a vector for each token out. Called on the thread that loaded the weights, with a scope open. */
interface TextEncoder {

    /** Length of a token's vector. */
    int dimension();

    /** Most tokens of a text that the encoder was made for. */
    int tokensMax();

    /** Number of token ids that there are. */
    int vocabularySize();

    /** Whether texts of different lengths may be padded to one batch. */
    boolean takesBatches();

    /**
     * Vectors of tokens.
     *
     * @param ids [batch, length]
     * @param real true where a token is none of the padding, [batch, length]; null if there is no padding
     * @return [batch, length, dimension]
     */
    MlxArray encode(MlxArray ids, MlxArray real);
}
