package dev.langchain4j.model.mlx.samples.bench;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Random;
import dev.langchain4j.mlx.Scope;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;

/** What MLX's operations cost an element here: on the CPU they differ by two orders of magnitude. */
final class ElementSection implements Bench.Section {
    private static final int ROWS = 8;

    @Override
    public void run(Bench bench) {
        int columns = bench.smoke() ? 500 : 50_000;
        int rounds = bench.smoke() ? 1 : 30;
        Map<String, UnaryOperator<MlxArray>> operations = new LinkedHashMap<>();
        operations.put("multiply", x -> Ops.multiply(x, x));
        operations.put("add", x -> Ops.add(x, x));
        operations.put("max", x -> Ops.max(x, -1, true));
        operations.put("sum", x -> Ops.sum(x, -1, true));
        operations.put("where", x -> Ops.where(Ops.less(x, Ops.negative(x)), x, Ops.negative(x)));
        operations.put("exp", Ops::exp);
        operations.put("power", x -> Ops.power(MlxArray.of(new float[] {2}, 1), x));
        operations.put("sigmoid", Ops::sigmoid);
        operations.put("softmax", x -> Ops.softmax(x, -1, true));
        operations.put("cos", Ops::cos);
        operations.put("silu as it is done here", Ops::silu);
        bench.report().table("elements", "Operations of MLX, ns an element", "operation", "ns");
        try (MlxThread thread = MlxThread.start("bench-elements")) {
            operations.forEach((name, operation) -> {
                double[] nanos = new double[rounds];
                for (int i = 0; i < rounds; i++) {
                    nanos[i] = thread.call(() -> time(operation, columns)) / ((double) ROWS * columns);
                }
                bench.report().row(name, Spread.of(nanos));
            });
        }
        bench.report().end();
    }

    private static double time(UnaryOperator<MlxArray> operation, int columns) {
        try (Scope scope = Scope.open()) {
            MlxArray x = Random.normal(Random.key(1), ROWS, columns).eval();
            long begun = System.nanoTime();
            operation.apply(x).eval();
            return System.nanoTime() - begun;
        }
    }
}
