package dev.langchain4j.model.mlx.draft;

import dev.langchain4j.Internal;

/**
 * Proposes what an answer goes on with. A proposal need not be right: the model draws each token itself, and a drafted
 * token counts only if it is the one that was drawn. So a drafter decides how fast an answer comes, and never what it
 * says.
 *
 * <p>Of one answer, and called on the model's thread.
 */
@Internal
public interface Drafter extends AutoCloseable {

    /**
     * Tokens that may come behind those of the answer so far. Cheap: it is asked at each token.
     *
     * @param max most tokens that can be of use
     * @return null if there is nothing to propose
     */
    Draft propose(int max);

    /**
     * The kind of its drafts, if a model computes them: a proposal costs time then, and is made for the token that
     * follows the last one that was {@link #committed}. Null if a proposal costs nothing.
     */
    default DraftKind computed() {
        return null;
    }

    /** Takes a token that the answer goes on with, drafted or not. */
    void committed(int token);

    /** Does a part of what is to be done before it can propose, while a forward pass is computed. */
    default void prepare() {}

    /** Frees what it owns. */
    @Override
    default void close() {}
}
