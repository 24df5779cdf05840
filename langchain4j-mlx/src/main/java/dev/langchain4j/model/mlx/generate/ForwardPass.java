package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A step of several requests as one forward pass: the next token of each, or a chunk of each one's prompt. Every sequence
 * attends to its own buffers: so a request joins and leaves without a copy, and sequences may be as long as they like. The
 * weights are read once for all of them.
 *
 * <p>What a request's own work throws ends that request. What the pass throws ends all that are in it.
 */
final class ForwardPass implements Scheduler.Rows {
    private final LanguageModel model;
    private final int prefillTokens;
    private final boolean exact;

    /**
     * Passes over a model.
     *
     * @param prefillTokens most tokens of prompts in a pass
     * @param exact whether each request has a pass of its own, whose bits nobody else has an influence on
     */
    ForwardPass(LanguageModel model, int prefillTokens, boolean exact) {
        this.model = model;
        this.prefillTokens = prefillTokens;
        this.exact = exact;
    }

    @Override
    public int prefillTokens() {
        return exact ? 0 : prefillTokens;
    }

    @Override
    public void prefill(List<ScheduledRequest> requests, Scheduler.Ended failed) {
        List<Generation> fed = new ArrayList<>(requests.size());
        List<int[]> chunks = new ArrayList<>(requests.size());
        for (int i = 0; i < requests.size(); i++) {
            Generation request = (Generation) requests.get(i);
            try {
                chunks.add(request.feedChunk());
                fed.add(request);
            } catch (Throwable e) {
                failed.accept(request, e);
            }
        }
        try {
            if (!fed.isEmpty()) {
                prefill(fed, chunks);
            }
        } catch (Throwable e) {
            fed.forEach(request -> failed.accept(request, e));
            return;
        }
        for (Generation request : fed) {
            try {
                request.chunkFed();
            } catch (Throwable e) {
                failed.accept(request, e);
            }
        }
    }

    private void prefill(List<Generation> requests, List<int[]> chunks) {
        int[] tokens = chunks.size() == 1
                ? chunks.getFirst()
                : chunks.stream().flatMapToInt(Arrays::stream).toArray();
        int[] lengths = chunks.stream().mapToInt(chunk -> chunk.length).toArray();
        MlxArray hidden;
        try (Scope scope = Scope.open()) {
            hidden = model.forward(MlxArray.of(tokens, 1, tokens.length), spans(requests, lengths))
                    .detach();
        }
        try (hidden) {
            List<MlxArray> buffers = new ArrayList<>();
            for (Generation request : requests) {
                buffers.addAll(List.of(LayerCache.buffers(request.session().layers())));
            }
            Eval.eval(buffers.toArray(MlxArray[]::new));
        }
    }

    @Override
    public void decode(List<ScheduledRequest> requests, Scheduler.Ended ended) {
        if (exact) {
            requests.forEach(request -> together(List.of(request), ended));
        } else {
            together(requests, ended);
        }
    }

    private void together(List<ScheduledRequest> requests, Scheduler.Ended ended) {
        List<Generation> rows = new ArrayList<>(requests.size());
        compute(requests, rows, ended);
        for (Generation row : rows) {
            boolean over;
            Throwable failure = null;
            try {
                over = row.read();
            } catch (Throwable e) {
                over = true;
                failure = e;
            }
            if (over) {
                ended.accept(row, failure);
            }
        }
    }

    /** Queues the pass. Temporaries are gone before it is computed. Leaves those in {@code rows} that did not end with it. */
    private void compute(List<ScheduledRequest> requests, List<Generation> rows, Scheduler.Ended ended) {
        List<Generation> fed = new ArrayList<>(requests.size());
        List<MlxArray> results = new ArrayList<>(requests.size());
        try {
            try (Scope scope = Scope.open()) {
                List<MlxArray> tokens = new ArrayList<>(requests.size());
                for (int i = 0; i < requests.size(); i++) {
                    Generation row = (Generation) requests.get(i);
                    try {
                        MlxArray token = row.feed();
                        rows.add(row);
                        if (token != null) {
                            fed.add(row);
                            tokens.add(token);
                        }
                    } catch (Throwable e) {
                        ended.accept(row, e);
                    }
                }
                if (!fed.isEmpty()) {
                    draw(fed, logits(fed, tokens), results, rows, ended);
                }
            }
            if (!results.isEmpty()) {
                Eval.async(results.toArray(MlxArray[]::new));
            }
        } catch (Throwable e) {
            for (Generation row : fed) {
                if (rows.remove(row)) {
                    ended.accept(row, e);
                }
            }
        }
    }

    /** [rows, vocabulary]. */
    private MlxArray logits(List<Generation> rows, List<MlxArray> tokens) {
        MlxArray input =
                tokens.size() == 1 ? tokens.getFirst() : Indexing.concatenate(1, tokens.toArray(MlxArray[]::new));
        int[] lengths = new int[rows.size()];
        Arrays.fill(lengths, 1);
        MlxArray hidden = model.forward(input, spans(rows, lengths));
        return Indexing.reshape(model.logits(hidden), rows.size(), -1);
    }

    private static Spans spans(List<Generation> requests, int[] lengths) {
        if (requests.size() == 1) {
            return Spans.of(requests.getFirst().session().layers(), lengths[0]);
        }
        List<List<LayerCache>> sequences = new ArrayList<>(requests.size());
        for (Generation request : requests) {
            sequences.add(request.session().layers());
        }
        return Spans.of(sequences, lengths);
    }

    /** Each row draws from its logits; those that take the likeliest token find it together. */
    private static void draw(
            List<Generation> fed,
            MlxArray logits,
            List<MlxArray> results,
            List<Generation> rows,
            Scheduler.Ended ended) {
        boolean single = fed.size() == 1;
        MlxArray likeliest = null;
        for (int i = 0; i < fed.size(); i++) {
            Generation row = fed.get(i);
            try {
                if (!single && row.decoder().drawsLikeliest()) {
                    likeliest = likeliest == null ? Ops.argmax(logits, -1, false) : likeliest;
                    results.add(row.decoder().take(Indexing.slice(likeliest, 0, i, i + 1)));
                } else {
                    results.add(row.decoder().draw(single ? logits : Indexing.slice(logits, 0, i, i + 1)));
                }
            } catch (Throwable e) {
                rows.remove(row);
                ended.accept(row, e);
            }
        }
    }
}
