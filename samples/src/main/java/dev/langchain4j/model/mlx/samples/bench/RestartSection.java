package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Time to the first token behind a long conversation after a restart, from the prompt cache on disk: beside the same
 * hit in memory, reading the same files with nothing around it, and computing the prompt.
 */
final class RestartSection implements Bench.Section {
    private static final int NEW_TOKENS = 32;
    private static final int READ_BYTES = 32 << 20;

    /** Rounds before those that are measured, for the JVM to compile what they run. */
    private static final int WARM_UP = 5;

    private static final String CONVERSATION = "conversation";

    @Override
    public void run(Bench bench) throws Exception {
        bench.report()
                .table(
                        "restart",
                        "First token after a restart, ms",
                        "model",
                        "cached",
                        "MB on disk",
                        "in memory",
                        "reading the files",
                        "restarted",
                        "ratio to both",
                        "opening the store",
                        "mlx-lm, load_prompt_cache",
                        "computed");
        List<Map<String, Object>> lines = new ArrayList<>();
        for (Path model : bench.models("small-qwen3-fp32")) {
            try (Subject subject = new Subject(model)) {
                for (int context : bench.sizes("contexts", "2000,8000,32000", "600")) {
                    lines.add(row(bench, subject, model, context));
                }
            }
        }
        bench.report().end();
        lines.forEach(bench.report()::json);
    }

    private static Map<String, Object> row(Bench bench, Subject subject, Path model, int context) throws Exception {
        Path folder = Files.createTempDirectory("mlx-restart");
        try {
            int rounds = bench.rounds(5);
            int[] held = subject.tokens(context);
            Spread inMemory = rounds(rounds, round -> {
                subject.forget();
                subject.pretend(held, CONVERSATION);
                return subject.firstToken(subject.engine(), prompt(subject, held, round), CONVERSATION);
            });
            subject.forget();
            try (Subject.OnDisk first = subject.onDisk(folder)) {
                first.pretend(held, CONVERSATION);
            }
            Spread reading = rounds(rounds, round -> read(folder));
            List<DiskStats> stats = new ArrayList<>();
            double[] openings = new double[rounds + WARM_UP];
            Spread restarted = rounds(rounds, round -> {
                long begun = System.nanoTime();
                try (Subject.OnDisk again = subject.onDisk(folder)) {
                    openings[round] = (System.nanoTime() - begun) / 1e9;
                    double seconds = subject.firstToken(again.engine(), prompt(subject, held, round), CONVERSATION);
                    stats.add(again.stats());
                    return seconds;
                }
            });
            checkRestored(stats, context);
            double bytes = stats.getLast().bytesRead();
            Spread theirs = bench.reference() == null ? null : theirs(bench, model, context, folder, rounds);
            Double computed =
                    context > 8192 ? null : subject.firstToken(subject.uncached(), prompt(subject, held, 0), null);
            double ratio = restarted.median() / (inMemory.median() + reading.median());
            String name = model.getFileName().toString();
            bench.report()
                    .row(
                            name,
                            context,
                            bytes / 1e6,
                            inMemory.times(1e3),
                            reading.times(1e3),
                            restarted.times(1e3),
                            ratio,
                            Spread.of(Arrays.copyOf(openings, rounds)).times(1e3),
                            theirs == null ? null : theirs.times(1e3),
                            computed == null ? null : computed * 1e3);
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("section", "restart");
            line.put("model", name);
            line.put("cached", context);
            line.put("bytes", bytes);
            line.put("memory", inMemory.median());
            line.put("reading", reading.median());
            line.put("restarted", restarted.median());
            line.put("ratio", ratio);
            line.put("mlxlm", theirs == null ? null : theirs.median());
            line.put("computed", computed);
            return line;
        } finally {
            delete(folder);
        }
    }

    private static int[] prompt(Subject subject, int[] held, int round) {
        return Tokens.concat(held, Tokens.of(NEW_TOKENS, subject.vocabulary(), 100 + round));
    }

    private static void checkRestored(List<DiskStats> stats, int context) {
        for (DiskStats each : stats) {
            if (each.tokensRestored() < context - 1) {
                throw new IllegalStateException(
                        "of %d tokens, %d were restored; %s".formatted(context, each.tokensRestored(), each.misses()));
            }
        }
    }

    private static Spread theirs(Bench bench, Path model, int context, Path folder, int rounds) throws IOException {
        double[] seconds = new double[rounds];
        for (int i = 0; i < rounds; i++) {
            JsonNode answer = bench.reference()
                    .ask(
                            "restart",
                            "model",
                            model,
                            "context",
                            context,
                            "file",
                            folder.resolve("mlx-lm.safetensors"),
                            "new",
                            NEW_TOKENS);
            seconds[i] = answer.path("seconds").asDouble();
        }
        return Spread.of(seconds);
    }

    private interface Round {
        double seconds(int round) throws Exception;
    }

    /** So many rounds; if there are several, some before them are not measured. */
    private static Spread rounds(int count, Round round) throws Exception {
        double[] seconds = new double[count];
        for (int i = 0; count > 1 && i < WARM_UP; i++) {
            round.seconds(count + i);
        }
        for (int i = 0; i < count; i++) {
            seconds[i] = round.seconds(i);
        }
        return Spread.of(seconds);
    }

    /** Seconds to read all files of a folder, a unit of the store at a time. */
    private static double read(Path folder) throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.walk(folder)) {
            files = all.filter(Files::isRegularFile).toList();
        }
        ByteBuffer buffer = ByteBuffer.allocateDirect(READ_BYTES);
        long begun = System.nanoTime();
        for (Path file : files) {
            try (FileChannel channel = FileChannel.open(file)) {
                while (channel.read(buffer.clear()) > 0) {
                    // the bytes are not needed
                }
            }
        }
        return (System.nanoTime() - begun) / 1e9;
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
