package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Collects log-probabilities of drawn tokens. What a step computes for them is queued with it, and read when its token is
 * read, so that the next step need not wait. Source: {@code generate_step} of mlx-lm.
 */
final class LogprobRecorder implements AutoCloseable {
    /** Of one step; {@code ids} and {@code values} are null where no other tokens were asked for. */
    private record Pending(MlxArray token, MlxArray chosen, MlxArray ids, MlxArray values) {
        private Pending detach() {
            token.detach();
            chosen.detach();
            if (ids != null) {
                ids.detach();
                values.detach();
            }
            return this;
        }

        private void close() {
            token.close();
            chosen.close();
            if (ids != null) {
                ids.close();
                values.close();
            }
        }
    }

    private final int top;
    private final ArrayDeque<Pending> pending = new ArrayDeque<>();
    private final List<TokenLogprob> read = new ArrayList<>();

    /**
     * An empty recorder.
     *
     * @param top how many of the likeliest tokens are recorded beside the one that was drawn
     */
    LogprobRecorder(int top) {
        this.top = top;
    }

    /**
     * Notes a step.
     *
     * @param logits what the token was drawn from, with bias and penalties, [1, vocabulary]
     * @param token its id, [1]
     */
    void queue(MlxArray logits, MlxArray token) {
        MlxArray single = Ops.astype(logits, DType.FLOAT32);
        MlxArray logprobs = Ops.subtract(single, Ops.logsumexp(single, -1, true));
        MlxArray index = Indexing.reshape(Ops.astype(token, DType.INT32), 1, 1);
        MlxArray ids = null;
        MlxArray values = null;
        if (top > 0) {
            int count = Math.min(top, logprobs.dim(-1));
            MlxArray order = Ops.argpartition(Ops.negative(logprobs), count - 1, -1);
            MlxArray likeliest = Ops.astype(Indexing.slice(order, -1, 0, count), DType.INT32);
            values = Indexing.takeAlong(logprobs, likeliest, -1);
            ids = likeliest;
        }
        MlxArray chosen = Indexing.takeAlong(logprobs, index, -1);
        // all are made before the first leaves its scope, so that a failure leaves none behind
        pending.add(new Pending(index, chosen, ids, values).detach());
    }

    /** Forgets the steps that were queued last. */
    void drop(int steps) {
        for (int i = 0; i < steps; i++) {
            pending.removeLast().close();
        }
    }

    /** Reads the step that was queued first. */
    void read() {
        Pending step = pending.remove();
        try {
            List<TokenLogprob> likeliest = new ArrayList<>();
            if (step.ids != null) {
                int[] ids = step.ids.eval().toInts();
                float[] values = step.values.eval().toFloats();
                for (int i = 0; i < ids.length; i++) {
                    likeliest.add(new TokenLogprob(ids[i], values[i], List.of()));
                }
                likeliest.sort(
                        Comparator.comparing(TokenLogprob::logprob).reversed().thenComparing(TokenLogprob::id));
            }
            read.add(new TokenLogprob(
                    step.token.eval().toInts()[0], step.chosen.eval().toFloats()[0], List.copyOf(likeliest)));
        } finally {
            step.close();
        }
    }

    /** All that were read, in the order of their steps. */
    List<TokenLogprob> all() {
        return List.copyOf(read);
    }

    @Override
    public void close() {
        pending.forEach(Pending::close);
        pending.clear();
    }
}
