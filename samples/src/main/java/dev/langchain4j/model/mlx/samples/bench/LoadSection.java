package dev.langchain4j.model.mlx.samples.bench;

import dev.langchain4j.mlx.NativeLibraries;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Prefill on the CPU beside processes that want all they can get, with the threads of this project's library and with
 * those of OpenBLAS: what is left of the speed should be the share of the machine that is left.
 */
final class LoadSection implements Bench.Section {
    private static final int WARM_UP = 2;

    @Override
    public void run(Bench bench) throws IOException {
        int cores = Runtime.getRuntime().availableProcessors();
        int length = bench.smoke() ? 40 : 2800;
        bench.report()
                .table(
                        "load",
                        "Prefill of %d tokens beside busy processes, seconds".formatted(length),
                        "model",
                        "busy processes",
                        "threads of ours",
                        "threads of OpenBLAS",
                        "times faster");
        try {
            for (Path model : bench.reference() == null ? List.of(bench.demo()) : bench.models("small-qwen3-fp32")) {
                try (Subject subject = new Subject(model)) {
                    int[] prompt = subject.tokens(length);
                    for (int busy : bench.smoke() ? new int[] {0} : new int[] {0, 1, cores}) {
                        row(bench, subject, model, prompt, busy);
                    }
                }
            }
        } finally {
            NativeLibraries.cpuThreads(cores);
        }
        bench.report().end();
    }

    /** Both in turn, so that what else the machine does meets both. */
    private static void row(Bench bench, Subject subject, Path model, int[] prompt, int busy) throws IOException {
        int rounds = bench.rounds(5);
        double[] ours = new double[rounds];
        double[] theirs = new double[rounds];
        List<Process> processes = new ArrayList<>();
        try {
            for (int i = 0; i < busy; i++) {
                processes.add(Busy.start());
            }
            for (int i = bench.smoke() ? 0 : -WARM_UP; i < rounds; i++) {
                double a = seconds(subject, prompt, Runtime.getRuntime().availableProcessors());
                double b = seconds(subject, prompt, 0);
                if (i >= 0) {
                    ours[i] = a;
                    theirs[i] = b;
                }
            }
        } finally {
            processes.forEach(Process::destroyForcibly);
        }
        Spread mine = Spread.of(ours);
        Spread other = Spread.of(theirs);
        bench.report().row(model.getFileName().toString(), busy, mine, other, other.median() / mine.median());
    }

    private static double seconds(Subject subject, int[] prompt, int threads) {
        NativeLibraries.cpuThreads(threads);
        return subject.generate(subject.uncached(), prompt, 1, null).timings().timeToFirstToken() / 1e9;
    }

    /** A process that keeps a core busy until it is ended, or until nobody holds its input any more. */
    static final class Busy {
        private static volatile long sink;

        private Busy() {}

        static Process start() throws IOException {
            return new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-Xmx64m",
                            "-cp",
                            System.getProperty("java.class.path"),
                            Busy.class.getName())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
        }

        /** Runs for ever. */
        public static void main(String[] args) {
            Thread.ofPlatform().daemon().start(() -> {
                try (InputStream in = System.in) {
                    in.transferTo(java.io.OutputStream.nullOutputStream());
                } catch (IOException e) {
                    // The same as its end.
                }
                Runtime.getRuntime().halt(0);
            });
            for (long i = 0; ; i++) {
                sink = i * i;
            }
        }
    }
}
