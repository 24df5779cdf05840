package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Graph;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.LanguageModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a GPU would have to launch for a step: the nodes of the graphs of a decode step and of a prefill chunk behind a
 * context, of which only the shapes matter. A fused operation, a compiled chain and a kernel are one node each; views
 * are none. With {@code --nodes} both sides' nodes are listed by name.
 */
final class GraphSection implements Bench.Section {
    private static final int CONTEXT = 600;
    private static final int CHUNK = 512;

    @Override
    public void run(Bench bench) throws Exception {
        bench.report()
                .table(
                        "graph",
                        "Nodes of a step's graph on a GPU",
                        "model",
                        "decode step",
                        "mlx-lm",
                        "ratio",
                        "chunk of " + CHUNK,
                        "mlx-lm ",
                        "ratio ");
        if (bench.reference() == null) {
            row(bench, bench.demo());
        } else {
            List<String> asked = Stream.concat(Stream.of("--dtype=bfloat16"), bench.names("architectures").stream())
                    .toList();
            Path folder = bench.folder().resolve("architectures-bf16");
            for (String name : bench.make("make_architectures.py", folder, asked)) {
                row(bench, folder.resolve(name));
            }
        }
        bench.report().end();
    }

    private static void row(Bench bench, Path folder) throws Exception {
        List<Object> cells = new ArrayList<>(List.of(folder.getFileName().toString()));
        for (int length : new int[] {1, CHUNK}) {
            Map<String, Integer> ours = ours(folder, length);
            cells.add(sum(ours));
            if (bench.reference() == null) {
                cells.add(null);
                cells.add(null);
                continue;
            }
            JsonNode theirs = bench.reference()
                    .ask("graph", "model", folder, "context", CONTEXT, "length", length)
                    .path("nodes");
            int count = Stream.of(theirs)
                    .flatMap(JsonNode::valueStream)
                    .mapToInt(JsonNode::asInt)
                    .sum();
            cells.add(count);
            cells.add((double) sum(ours) / count);
            if (bench.lists("nodes")) {
                list(bench, "ours", ours.entrySet().stream());
                list(bench, "theirs", theirs.properties().stream());
            }
        }
        bench.report().row(cells.toArray());
    }

    private static void list(Bench bench, String side, Stream<? extends Map.Entry<String, ?>> nodes) {
        bench.report()
                .say(side + ": "
                        + nodes.map(e -> e.getKey() + " " + e.getValue())
                                .sorted()
                                .collect(Collectors.joining(", ")));
    }

    private static int sum(Map<String, Integer> nodes) {
        return nodes.values().stream().mapToInt(Integer::intValue).sum();
    }

    private static Map<String, Integer> ours(Path folder, int length) {
        try (MlxThread thread = MlxThread.start("graph")) {
            return thread.call(() -> {
                ModelLoader.Loaded loaded = ModelLoader.load(folder, null);
                List<LayerCache> layers = loaded.model().newLayers();
                try {
                    return nodes(loaded.model(), layers, length);
                } finally {
                    layers.forEach(LayerCache::close);
                    loaded.weights().close();
                }
            });
        }
    }

    private static Map<String, Integer> nodes(LanguageModel model, List<LayerCache> layers, int length)
            throws Exception {
        layers.forEach(layer -> layer.reserve(CONTEXT + CHUNK));
        try (Scope scope = Scope.open()) {
            Graph.withoutNumbers(() -> model.forward(tokens(model, CONTEXT), layers));
        }
        Eval.eval(Subject.buffers(layers));
        if (length == 1) {
            // a window moves behind a chunk once, and not in every step
            try (Scope scope = Scope.open()) {
                Graph.withoutNumbers(() -> model.forward(tokens(model, 1), layers));
            }
            Eval.eval(Subject.buffers(layers));
        }
        try (Scope scope = Scope.open()) {
            return Graph.asOnGpu(() -> {
                List<MlxArray> outputs = new ArrayList<>();
                MlxArray hidden = model.forward(tokens(model, length), layers);
                if (length == 1) {
                    outputs.add(Indexing.reshape(model.logits(hidden), 1, -1));
                }
                outputs.addAll(List.of(Subject.buffers(layers)));
                return Graph.nodes(outputs.toArray(MlxArray[]::new));
            });
        }
    }

    private static MlxArray tokens(LanguageModel model, int count) {
        return MlxArray.of(Tokens.of(count, model.vocabularySize(), Tokens.SEED), 1, count);
    }
}
