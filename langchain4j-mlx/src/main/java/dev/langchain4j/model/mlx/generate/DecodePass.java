package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Sight;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The next token of several requests from one forward pass: a row each, which attends to its own buffers. So a request
 * joins and leaves without a copy, and rows may be as long as they like. The weights are read once for all of them.
 *
 * <p>What a row's own work throws ends that row. What is done for several rows ends those when it throws.
 */
final class DecodePass {
    private final LanguageModel model;
    private final boolean exact;

    // Of the pass that runs.
    /** Those that did not end with it. */
    private final List<Generation> rows = new ArrayList<>();
    /** Those of them that the forward pass has a token of. */
    private final List<Generation> fed = new ArrayList<>();

    private final List<MlxArray> tokens = new ArrayList<>();
    /** What is to be computed. */
    private final List<MlxArray> results = new ArrayList<>();

    /** Whether there is one row only. */
    private boolean alone;

    private Scheduler.Ended ended;

    /**
     * A pass over a model.
     *
     * @param exact whether each row has a pass of its own, whose bits nobody else has an influence on
     */
    DecodePass(LanguageModel model, boolean exact) {
        this.model = model;
        this.exact = exact;
    }

    /** A token for each of these; see {@link Scheduler.Rows#decode}. */
    void run(List<ScheduledRequest> requests, Scheduler.Ended listener) {
        ended = listener;
        if (exact) {
            requests.forEach(request -> together(List.of(request)));
        } else {
            together(requests);
        }
    }

    private void together(List<ScheduledRequest> requests) {
        alone = requests.size() == 1;
        try {
            compute(requests);
            for (int i = 0; i < rows.size(); i++) {
                read(rows.get(i));
            }
        } finally {
            rows.clear();
            fed.clear();
            tokens.clear();
            results.clear();
        }
    }

    private void read(Generation row) {
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

    /** Queues the pass. Temporaries are gone before it is computed. */
    private void compute(List<ScheduledRequest> requests) {
        try {
            try (Scope scope = Scope.open()) {
                for (int i = 0; i < requests.size(); i++) {
                    feed((Generation) requests.get(i));
                }
                if (!fed.isEmpty()) {
                    fed.forEach(row -> row.sharesPass(fed.size()));
                    Drawing.draw(fed, logits(), results, this::end);
                }
            }
            if (!results.isEmpty()) {
                rows.forEach(row -> row.sampler().addQueued(results));
                Eval.async(results.toArray(MlxArray[]::new));
            }
        } catch (Throwable e) {
            end(fed, e);
        }
    }

    private void feed(Generation row) {
        try {
            MlxArray token = row.feed(alone);
            rows.add(row);
            if (token != null) {
                fed.add(row);
                tokens.add(token);
            }
        } catch (Throwable e) {
            ended.accept(row, e);
        }
    }

    private void end(List<Generation> failed, Throwable failure) {
        for (Generation row : failed) {
            if (rows.remove(row)) {
                ended.accept(row, failure);
            }
        }
    }

    /** A row for each token that was fed: [tokens, vocabulary]. */
    private MlxArray logits() {
        MlxArray input =
                tokens.size() == 1 ? tokens.getFirst() : Indexing.concatenate(1, tokens.toArray(MlxArray[]::new));
        MlxArray hidden = model.forward(input, spans());
        for (int i = 0, from = 0; i < tokens.size(); i++) {
            int length = tokens.get(i).dim(1);
            fed.get(i).computed(hidden, from, length);
            from += length;
        }
        return Indexing.reshape(model.logits(hidden), input.dim(1), -1);
    }

    private Spans spans() {
        if (fed.size() == 1) {
            Generation row = fed.getFirst();
            return Spans.of(row.session().layers(), tokens.getFirst().dim(1), row.sightBehind());
        }
        List<List<LayerCache>> sequences = new ArrayList<>(fed.size());
        List<Sight> sights = new ArrayList<>(fed.size());
        for (Generation row : fed) {
            sequences.add(row.session().layers());
            sights.add(row.sightBehind());
        }
        int[] lengths = new int[fed.size()];
        Arrays.fill(lengths, 1);
        return Spans.of(sequences, lengths, sights);
    }
}
