package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.cache.LayerForms;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Sight;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The next chunks of several prompts as one forward pass, so that short ones read the weights once. Each sequence
 * attends to its own buffers. Behind chunks that end with the last token of their prompts the first tokens of the
 * answers are drawn.
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
        Map<Generation, Throwable> failures = new HashMap<>();
        try {
            if (!fed.isEmpty()) {
                compute(
                        model,
                        fed.stream().map(request -> request.session().layers()).toList(),
                        chunks,
                        () -> fed.stream().map(Generation::sight).toList(),
                        fed.stream().map(Generation::modelDrafter).toList(),
                        hidden -> draw(fed, chunks, hidden, failures));
            }
        } catch (Throwable e) {
            fed.forEach(request -> failed.accept(request, e));
            return;
        }
        for (Generation request : fed) {
            Throwable failure = failures.get(request);
            try {
                if (failure == null) {
                    request.chunkFed();
                }
            } catch (Throwable e) {
                failure = e;
            }
            if (failure != null) {
                failed.accept(request, failure);
            }
        }
    }

    /** Draws behind the chunks that end a prompt. */
    private List<MlxArray> draw(
            List<Generation> fed, List<int[]> chunks, MlxArray hidden, Map<Generation, Throwable> failures) {
        List<Generation> drawing = new ArrayList<>();
        List<MlxArray> last = new ArrayList<>();
        int end = 0;
        for (int i = 0; i < fed.size(); i++) {
            end += chunks.get(i).length;
            if (fed.get(i).endsPrompt()) {
                try {
                    fed.get(i).drawsBehindChunk(fed.size() == 1);
                    drawing.add(fed.get(i));
                    last.add(Indexing.slice(hidden, 1, end - 1, end));
                } catch (Throwable e) {
                    failures.put(fed.get(i), e);
                }
            }
        }
        List<MlxArray> results = new ArrayList<>();
        if (!drawing.isEmpty()) {
            drawing.forEach(request -> request.sharesPass(drawing.size()));
            MlxArray rows = last.size() == 1 ? last.getFirst() : Indexing.concatenate(1, last.toArray(MlxArray[]::new));
            MlxArray logits = Indexing.reshape(model.logits(rows), drawing.size(), -1);
            Drawing.draw(drawing, logits, results, (those, e) -> those.forEach(request -> failures.put(request, e)));
            drawing.forEach(request -> request.sampler().addQueued(results));
        }
        return results;
    }

    /**
     * Feeds a chunk to the layers of each sequence, and evaluates them.
     *
     * @param sights what pictures change about each chunk; asked for once, within the scope of the pass
     * @param drafters what drafts for each; null for nothing
     * @param behind given the hidden states of all chunks, [1, tokens, hidden size], says what else to compute; called
     *     within the scope of the pass
     */
    static void compute(
            LanguageModel model,
            List<List<LayerCache>> sequences,
            List<int[]> chunks,
            Supplier<List<Sight>> sights,
            List<ModelDrafter> drafters,
            Function<MlxArray, List<MlxArray>> behind) {
        int[] tokens = chunks.size() == 1
                ? chunks.getFirst()
                : chunks.stream().flatMapToInt(Arrays::stream).toArray();
        int[] lengths = chunks.stream().mapToInt(chunk -> chunk.length).toArray();
        List<MlxArray> results = new ArrayList<>();
        MlxArray hidden = null;
        try {
            try (Scope scope = Scope.open()) {
                hidden = model.forward(
                                MlxArray.of(tokens, 1, tokens.length), Spans.of(sequences, lengths, sights.get()))
                        .detach();
                for (int i = 0, from = 0; i < lengths.length; from += lengths[i++]) {
                    if (drafters.get(i) != null) {
                        drafters.get(i).follow(chunks.get(i), Indexing.slice(hidden, 1, from, from + lengths[i]));
                        results.addAll(drafters.get(i).queued());
                    }
                }
                results.addAll(behind.apply(hidden));
            }
            sequences.forEach(layers -> results.addAll(List.of(LayerCache.buffers(layers))));
            Eval.eval(results.toArray(MlxArray[]::new));
        } finally {
            if (hidden != null) {
                hidden.close();
            }
        }
    }

    /** See {@link Engine#layerForms}. */
    static LayerForms layerForms(Engine engine) {
        List<LayerCache> layers = engine.newLayers();
        ModelDrafter drafter = engine.newModelDrafter(layers, null);
        try {
            return LayerForms.of(layers, () -> feedAny(engine, layers, drafter));
        } finally {
            try {
                if (drafter != null) {
                    drafter.close();
                }
            } finally {
                layers.forEach(LayerCache::close);
            }
        }
    }

    private static void feedAny(Engine engine, List<LayerCache> layers, ModelDrafter drafter) {
        compute(
                engine.model(),
                List.of(layers),
                List.of(new int[] {0}),
                () -> List.of(Sight.NONE),
                Collections.singletonList(drafter),
                hidden -> List.of());
    }
}
