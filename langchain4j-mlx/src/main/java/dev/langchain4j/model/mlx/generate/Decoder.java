package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.generate.GenerationResult.End;

/**
 * Computes an answer, a token a step, from the last token of the prompt on. A step has three parts, called in this
 * order on the model's thread, so that the forward pass between the first two can be shared by several requests ({@link
 * DecodePass}). The first step has no {@link #feed} if the prompt's last chunk has the last token ({@link
 * PrefillPass}).
 */
interface Decoder extends AutoCloseable {

    /**
     * The token that is fed next, first of all the last one of the prompt. Of an answer that runs alone, what is
     * drafted may stand behind it; see {@link Drafting}.
     *
     * @return [1, tokens], a temporary of the current scope; null if the answer ends with a token that is known already
     */
    MlxArray feed();

    /**
     * Takes the logits behind each token that was fed.
     *
     * @param logits [tokens, vocabulary], a temporary of the current scope
     * @return what is to be computed of them; this decoder owns it
     */
    MlxArray draw(MlxArray logits);

    /**
     * What the next token is drawn with, if a token of it is all that {@link #draw} asks for, so that {@link #take} can
     * be called in its place; null if this decoder needs logits.
     */
    default Sampler sampler() {
        return null;
    }

    /**
     * Takes the token that its sampler drew, in place of {@link #draw}.
     *
     * @param token [1], a temporary of the current scope
     * @return the token; this decoder owns it
     */
    default MlxArray take(MlxArray token) {
        throw new UnsupportedOperationException("this decoder needs logits");
    }

    /**
     * Reads the next token, if there is one yet, and gives it to the {@link Answer}.
     *
     * @return why the answer ends with it; null to go on
     */
    End read();

    /** Waits for what was queued and nobody reads, so that the layers are at rest when they go back to the cache. */
    @Override
    void close();

    /** The decoder that a request needs. */
    static Decoder of(Generation generation) {
        return generation.request().grammar() == null
                ? new PlainDecoder(generation)
                : new ConstrainedDecoder(generation);
    }

    /** The last token of the prompt, which a draft model is fed, too: a temporary of the current scope. */
    static MlxArray lastOfPrompt(Generation generation) {
        int[] prompt = generation.request().fed();
        int last = prompt[prompt.length - 1];
        if (generation.modelDrafter() != null) {
            generation.modelDrafter().begin(last);
        }
        return MlxArray.of(new int[] {last}, 1, 1);
    }

    /** Waits for a result and frees it; nothing if there is none. */
    static void finish(MlxArray unread) {
        if (unread != null) {
            try (unread) {
                Eval.eval(unread);
            }
        }
    }
}
