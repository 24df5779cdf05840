package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.generate.GenerationResult.End;

/**
 * Computes an answer, a token a step, from the last token of the prompt on. On the model's thread. It begins when it is
 * made: the prompt's last token is being fed then.
 */
interface Decoder extends AutoCloseable {

    /** Reads the next token, and gives it to the {@link Answer}. Returns why the answer ends with it; null to go on. */
    End step();

    /** Waits for what was queued and nobody reads, so that the layers are at rest when they go back to the cache. */
    @Override
    void close();

    /** The decoder that a request needs. */
    static Decoder start(Generation generation) {
        return generation.request().grammar() == null
                ? new PlainDecoder(generation)
                : new ConstrainedDecoder(generation);
    }

    /** The logits behind a token, [1, vocabulary], lazily: a temporary of the current scope. */
    static MlxArray logits(Generation generation, MlxArray token) {
        MlxArray hidden = generation.model().forward(token, generation.session().layers());
        return Indexing.reshape(generation.model().logits(hidden), 1, -1);
    }

    /** The last token of the prompt: a temporary of the current scope. */
    static MlxArray lastOf(int[] prompt) {
        return MlxArray.of(new int[] {prompt[prompt.length - 1]}, 1, 1);
    }

    /** Starts computing a result, which the caller owns. */
    static MlxArray queued(MlxArray result) {
        try {
            Eval.async(result);
        } catch (Throwable e) {
            result.close();
            throw e;
        }
        return result;
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
