package dev.langchain4j.model.mlx.samples.bench;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Random;
import dev.langchain4j.mlx.Scope;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * What MLX's operations cost an element here: on the CPU they differ by two orders of magnitude. And what a product
 * with weights costs for so many rows: it reads all of them for a single one, too.
 */
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
        products(bench, rounds);
    }

    private static void products(Bench bench, int rounds) {
        int inputs = bench.smoke() ? 16 : 512;
        int outputs = bench.smoke() ? 64 : 32_768;
        String shape = "%d weights by %d".formatted(outputs, inputs);
        bench.report().table("products", "Products of some rows and %s, ms".formatted(shape), "rows", "ms");
        try (MlxThread thread = MlxThread.start("bench-products")) {
            for (int rows : new int[] {1, 2, 3, 4, 8, 16, 64}) {
                double[] millis = new double[rounds];
                for (int i = 0; i < rounds; i++) {
                    millis[i] = thread.call(() -> product(rows, inputs, outputs)) / 1e6;
                }
                bench.report().row(rows, Spread.of(millis));
            }
        }
        bench.report().end();
    }

    private static double product(int rows, int inputs, int outputs) {
        try (Scope scope = Scope.open()) {
            MlxArray x = Random.normal(Random.key(1), rows, inputs).eval();
            MlxArray weights = Random.normal(Random.key(2), outputs, inputs).eval();
            long begun = System.nanoTime();
            Ops.matmul(x, Indexing.transpose(weights, 1, 0)).eval();
            return System.nanoTime() - begun;
        }
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
