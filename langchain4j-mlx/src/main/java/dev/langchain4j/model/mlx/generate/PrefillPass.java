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
import java.util.function.Supplier;

/**
 * The next chunks of several prompts as one forward pass, so that short ones read the weights once. Each sequence
 * attends to its own buffers.
 *
 * <p>What a request's own work throws ends that request. What the pass throws ends all that are in it.
 */
final class PrefillPass {
    private final LanguageModel model;

    PrefillPass(LanguageModel model) {
        this.model = model;
    }

    /** Feeds a chunk of each prompt; see {@link Scheduler.Rows#prefill}. */
    void run(List<ScheduledRequest> requests, Scheduler.Ended failed) {
        List<Generation> fed = new ArrayList<>(requests.size());
        List<int[]> chunks = new ArrayList<>(requests.size());
        boolean encoded = false;
        for (int i = 0; i < requests.size(); i++) {
            Generation request = (Generation) requests.get(i);
            try {
                boolean encodes = request.isEncoding();
                if (encodes && encoded) {
                    // a pass is as long as one picture at the most
                    continue;
                }
                encoded |= encodes;
                int[] chunk = request.feedChunk();
                if (chunk != null) {
                    chunks.add(chunk);
                    fed.add(request);
                }
            } catch (Throwable e) {
                failed.accept(request, e);
            }
        }
        try {
            if (!fed.isEmpty()) {
                compute(
                        model,
                        fed.stream().map(request -> request.session().layers()).toList(),
                        chunks,
                        () -> fed.stream().map(Generation::sight).toList(),
                        fed.stream().map(Generation::modelDrafter).toList());
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

    /**
     * Feeds a chunk to the layers of each sequence, and evaluates them.
     *
     * @param sights what pictures change about each chunk; asked for once, within the scope of the pass
     * @param drafters what drafts for each; null for nothing
     */
    static void compute(
            LanguageModel model,
            List<List<LayerCache>> sequences,
            List<int[]> chunks,
            Supplier<List<Sight>> sights,
            List<ModelDrafter> drafters) {
        int[] tokens = chunks.size() == 1
                ? chunks.getFirst()
                : chunks.stream().flatMapToInt(Arrays::stream).toArray();
        int[] lengths = chunks.stream().mapToInt(chunk -> chunk.length).toArray();
        List<MlxArray> results = new ArrayList<>();
        MlxArray hidden;
        try (Scope scope = Scope.open()) {
            hidden = model.forward(MlxArray.of(tokens, 1, tokens.length), Spans.of(sequences, lengths, sights.get()))
                    .detach();
            for (int i = 0, from = 0; i < lengths.length; from += lengths[i++]) {
                if (drafters.get(i) != null) {
                    drafters.get(i).follow(chunks.get(i), Indexing.slice(hidden, 1, from, from + lengths[i]));
                    results.addAll(drafters.get(i).queued());
                }
            }
        }
        try (hidden) {
            sequences.forEach(layers -> results.addAll(List.of(LayerCache.buffers(layers))));
            Eval.eval(results.toArray(MlxArray[]::new));
        }
    }
}
