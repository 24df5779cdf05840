package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.mlx.Doctor;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.RankGroup;
import dev.langchain4j.mlx.Scope;
import java.io.IOException;
import java.util.Map;

/**
 * Reports the MLX installation of this machine, and whether it works. {@code --ranks 2} starts two processes here and
 * measures a sum over both of them by MLX's ring. With MLX_RANK and MLX_HOSTFILE, as mlx.launch sets them, this process
 * is one of several, and the sum over them is measured.
 */
public final class DoctorSample {
    private static final int EXCHANGES = 200;
    private static final int[] SIZES = {16, 4096, 1 << 20};

    private DoctorSample() {}

    /** Prints the report; ends with status 1 if something is wrong. */
    public static void main(String[] args) throws IOException {
        Options options = Options.of(
                "doctor",
                "The MLX installation of this machine, and whether it works.",
                args,
                Options.number("ranks", 2, "measures an exchange between N processes"));
        if (LocalRanks.isStarted()) {
            measure(System.getenv("MLX_RANK"), System.getenv("MLX_HOSTFILE"));
        } else if (options.has("ranks")) {
            try (LocalRanks ranks = LocalRanks.start(options.number("ranks", 2), DoctorSample.class, args)) {
                measure("0", ranks.hostfile().toString());
            }
        } else {
            Doctor.main(args);
        }
    }

    private static void measure(String rank, String hostfile) {
        try (MlxThread thread = MlxThread.start("doctor")) {
            thread.run(() -> {
                Map<String, String> settings = Map.of("MLX_RANK", rank, "MLX_HOSTFILE", hostfile);
                try (RankGroup group = RankGroup.join("ring", settings)) {
                    for (int size : SIZES) {
                        double micros = microsOfSum(group, size);
                        if (group.rank() == 0) {
                            System.out.printf(
                                    "%d ranks       a sum of %,d floats in %,.0f microseconds%n",
                                    group.size(), size, micros);
                        }
                    }
                }
            });
        }
    }

    /** Microseconds of a sum over all ranks. */
    private static double microsOfSum(RankGroup group, int size) {
        int rounds = Math.max(5, Math.min(EXCHANGES, (EXCHANGES << 14) / size));
        long begun = 0;
        for (int i = -rounds / 4; i < rounds; i++) {
            begun = i == 0 ? System.nanoTime() : begun;
            try (Scope scope = Scope.open()) {
                group.allSum(MlxArray.of(new float[size], size)).eval();
            }
        }
        return (System.nanoTime() - begun) / 1e3 / rounds;
    }
}
