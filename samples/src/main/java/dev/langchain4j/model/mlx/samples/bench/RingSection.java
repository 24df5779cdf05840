package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.model.mlx.samples.LocalRanks;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A model split over several processes of this machine, beside mlx-lm's own split (ring.py), both over MLX's ring on
 * the loopback interface. Each process has its share of the processors.
 */
final class RingSection implements Bench.Section {
    private static final ObjectMapper JSON = new ObjectMapper();

    @Override
    public void run(Bench bench) throws IOException, InterruptedException {
        int tokens = bench.sizes("tokens", "48", "4")[0];
        int rounds = bench.smoke() ? 1 : bench.rounds(5);
        bench.report().table("ring", "Split over processes, ms a token", "model", "ranks", "this", "mlx-lm", "ratio");
        for (Path model : bench.models("small-qwen3-fp32,small-qwen3-q4")) {
            for (int ranks : bench.sizes("ranks", "1,2,4", "2")) {
                List<String> command =
                        LocalRanks.java(RingRank.class, "-Dlangchain4j.mlx.cpu.threads=" + threads(ranks));
                Spread ours = measure(ranks, command, Map.of(), model, tokens, rounds);
                Spread theirs = bench.reference() == null
                        ? null
                        : measure(ranks, bench.pythonCommand("ring.py"), bench.blasOf(ranks), model, tokens, rounds);
                bench.report()
                        .row(
                                model.getFileName().toString(),
                                ranks,
                                ours,
                                theirs,
                                theirs == null ? null : ours.median() / theirs.median());
            }
        }
        bench.report().end();
    }

    /** Processors of a rank. */
    static int threads(int ranks) {
        return Math.max(1, Runtime.getRuntime().availableProcessors() / ranks);
    }

    /** Milliseconds of a token, as the first of these processes prints them in seconds. */
    private static Spread measure(
            int ranks, List<String> command, Map<String, String> environment, Path model, int tokens, int rounds)
            throws IOException, InterruptedException {
        List<Process> processes = new ArrayList<>();
        try {
            Path hostfile = LocalRanks.hostfile(ranks);
            for (int rank = 0; rank < ranks; rank++) {
                List<String> all = new ArrayList<>(command);
                all.addAll(List.of(model.toString(), String.valueOf(tokens), String.valueOf(rounds)));
                ProcessBuilder process = new ProcessBuilder(all);
                process.redirectError(ProcessBuilder.Redirect.INHERIT);
                process.environment().putAll(environment);
                if (ranks > 1) {
                    process.environment().put("MLX_RANK", String.valueOf(rank));
                    process.environment().put("MLX_HOSTFILE", hostfile.toString());
                }
                processes.add(process.start());
            }
            List<String> lines = processes.getFirst().inputReader().lines().toList();
            for (Process process : processes) {
                process.waitFor();
            }
            if (lines.isEmpty()) {
                throw new IOException(command + " printed nothing; the cause is above");
            }
            return Spread.of(JSON.readValue(lines.getLast(), double[].class)).times(1e3);
        } finally {
            processes.forEach(Process::destroyForcibly);
        }
    }
}
