package dev.langchain4j.model.mlx.samples.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Tokens a second of several conversations at once, all of them together, beside mlx-lm's BatchGenerator. */
final class BatchSection implements Bench.Section {
    private static final int PROMPT_TOKENS = 32;

    @Override
    public void run(Bench bench) {
        bench.report()
                .table(
                        "batch-table",
                        "Several conversations at once, tokens a second",
                        "model",
                        "rows",
                        "contexts",
                        "this",
                        "mlx-lm",
                        "ratio");
        List<Path> models = new ArrayList<>(bench.models("small-qwen3-fp32,small-llama-fp32"));
        bench.names("real").forEach(folder -> models.add(Path.of(folder)));
        List<Map<String, Object>> lines = new ArrayList<>();
        for (Path model : models) {
            try (Subject subject = new Subject(model)) {
                for (int rows : bench.sizes("rows", "1,2,4,8,16", "1,2")) {
                    lines.add(row(bench, subject, model, "0", new int[rows]));
                }
                if (!bench.smoke()) {
                    int[] contexts = new int[8];
                    Arrays.fill(contexts, 200);
                    contexts[0] = 8000;
                    lines.add(row(bench, subject, model, "8000, 7 x 200", contexts));
                }
            }
        }
        bench.report().end();
        lines.forEach(bench.report()::json);
    }

    private static Map<String, Object> row(Bench bench, Subject subject, Path model, String named, int[] contexts) {
        int tokens = bench.smoke() ? 4 : 48;
        Bench.Pair pair = bench.pair(
                bench.rounds(3), () -> subject.together(contexts, PROMPT_TOKENS, tokens), () -> bench.reference()
                        .seconds(
                                "batch",
                                "model",
                                model,
                                "contexts",
                                IntStream.of(contexts).boxed().toList(),
                                "prompt",
                                PROMPT_TOKENS,
                                "tokens",
                                tokens));
        double all = (double) contexts.length * tokens;
        Double ours = all / pair.ours().median();
        Double theirs = pair.theirs() == null ? null : all / pair.theirs().median();
        Double ratio = theirs == null ? null : ours / theirs;
        String name = model.getFileName().toString();
        bench.report().row(name, contexts.length, named, ours, theirs, ratio);
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("section", "batch");
        line.put("model", name);
        line.put("rows", contexts.length);
        line.put("contexts", named);
        line.put("ours", ours);
        line.put("mlxlm", theirs);
        line.put("ratio", ratio);
        return line;
    }
}
