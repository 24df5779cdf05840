package dev.langchain4j.model.mlx.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.langchain4j.mlx.MetalKernel;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Random;
import dev.langchain4j.mlx.Scope;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The sources of the kernels for Metal, which are C++, compiled for the processor: a lane is a thread, and lanes meet
 * where they add up. So indices and formulas are checked where there is no Metal.
 */
class KernelSourceTest {
    private static final String BEFORE = """
            #include <barrier>
            #include <cmath>
            #include <cstdio>
            #include <cstdlib>
            #include <thread>
            #include <vector>
            using namespace std;
            typedef unsigned uint;
            typedef float T;
            struct uint3 { uint x, y, z; };
            static barrier meeting(32);
            static float sums[32];
            static thread_local uint thread_index_in_simdgroup;
            static float simd_sum(float v) {
                sums[thread_index_in_simdgroup] = v;
                meeting.arrive_and_wait();
                float sum = 0;
                for (float s : sums) sum += s;
                meeting.arrive_and_wait();
                return sum;
            }
            static vector<float> read(long count) {
                vector<float> v(count);
                if (fread(v.data(), 4, count, stdin) != (size_t)count) exit(2);
                return v;
            }
            """;

    @TempDir
    private Path folder;

    /** All outputs of a kernel, one behind the other. */
    private float[] run(MetalKernel kernel, Map<String, Integer> numbers, int y, int z, int[][] shapes, MlxArray... in)
            throws Exception {
        StringBuilder program = new StringBuilder(BEFORE);
        numbers.forEach((name, number) -> program.append("constexpr int %s = %d;\n".formatted(name, number)));
        program.append("static void kernel(uint3 thread_position_in_grid, const int* k_shape")
                .append(parameters(kernel.inputs().stream(), ", const float* "))
                .append(parameters(kernel.outputs().stream(), ", float* "))
                .append(") {\n")
                .append(kernel.source())
                .append("}\nint main() {\n");
        for (int i = 0; i < in.length; i++) {
            program.append("auto %s = read(%d);\n".formatted(kernel.inputs().get(i), in[i].size()));
        }
        for (int i = 0; i < shapes.length; i++) {
            int size = IntStream.of(shapes[i]).reduce(1, (a, b) -> a * b);
            program.append(
                    "vector<float> %s(%d, NAN);\n".formatted(kernel.outputs().get(i), size));
        }
        String arguments = Stream.concat(kernel.inputs().stream(), kernel.outputs().stream())
                .map(name -> ", " + name + ".data()")
                .collect(Collectors.joining());
        program.append("const int k_shape[] = {%d, %d};\n".formatted(in[1].dim(0), in[1].dim(1)))
                .append(
                        "vector<thread> lanes;\nfor (uint lane = 0; lane < 32; ++lane) lanes.emplace_back([&, lane] {\n")
                .append("thread_index_in_simdgroup = lane;\n")
                .append("for (uint z = 0; z < %d; ++z) for (uint y = 0; y < %d; ++y) {\n".formatted(z, y))
                .append("kernel({lane, y, z}, k_shape%s);\n}});\nfor (auto& lane : lanes) lane.join();\n"
                        .formatted(arguments));
        kernel.outputs()
                .forEach(name -> program.append("fwrite(%1$s.data(), 4, %1$s.size(), stdout);\n".formatted(name)));
        program.append("}\n");
        return run(program.toString(), in);
    }

    private static String parameters(Stream<String> names, String before) {
        return names.map(name -> before + name).collect(Collectors.joining());
    }

    private float[] run(String program, MlxArray... in) throws Exception {
        Path source = Files.writeString(folder.resolve("kernel.cpp"), program);
        Path binary = folder.resolve("kernel");
        Process compiler;
        try {
            compiler = new ProcessBuilder(
                            "g++", "-std=c++20", "-O1", "-pthread", source.toString(), "-o", binary.toString())
                    .redirectErrorStream(true)
                    .start();
        } catch (IOException e) {
            assumeTrue(false, "there is no g++: " + e);
            return null;
        }
        String said = new String(compiler.getInputStream().readAllBytes());
        assertThat(compiler.waitFor()).as(said).isZero();
        Process process = new ProcessBuilder(binary.toString()).start();
        try (var input = process.getOutputStream()) {
            for (MlxArray each : in) {
                ByteBuffer bytes = ByteBuffer.allocate((int) each.size() * 4).order(ByteOrder.nativeOrder());
                bytes.asFloatBuffer().put(each.toFloats());
                input.write(bytes.array());
            }
        }
        ByteBuffer output =
                ByteBuffer.wrap(process.getInputStream().readAllBytes()).order(ByteOrder.nativeOrder());
        assertThat(process.waitFor()).isZero();
        float[] numbers = new float[output.remaining() / 4];
        output.asFloatBuffer().get(numbers);
        return numbers;
    }

    private interface Body {
        void run() throws Exception;
    }

    private static void onThread(Body body) {
        try (MlxThread thread = MlxThread.start("kernels")) {
            thread.call(() -> {
                try (Scope scope = Scope.open()) {
                    body.run();
                    return null;
                }
            });
        }
    }

    private static MlxArray random(int seed, int... shape) {
        return Random.normal(Random.key(seed), shape);
    }

    private static void assertSame(float[] found, MlxArray... expected) {
        int at = 0;
        for (MlxArray each : expected) {
            for (float number : each.toFloats()) {
                assertThat(found[at]).as("number " + at).isCloseTo(number, within(2e-4f));
                at++;
            }
        }
        assertThat(found).hasSize(at);
    }

    private void gatedDelta(MlxArray decay) throws Exception {
        MlxArray q = GatedDelta.normalizedQueries(random(1, 1, 5, 2, 64));
        MlxArray k = GatedDelta.normalizedKeys(random(2, 1, 5, 2, 64));
        MlxArray v = random(3, 1, 5, 4, 3);
        MlxArray beta = Ops.sigmoid(random(5, 1, 5, 4));
        MlxArray state = random(6, 1, 4, 3, 64);
        MlxArray logs = Ops.negative(Ops.exp(decay));
        GatedDelta.Result expected = GatedDelta.composed(q, k, v, logs, beta, state, 5, false);
        Map<String, Integer> numbers = new TreeMap<>(Map.of(
                "KEY_HEADS", 2, "KEY_DIM", 64, "VALUE_HEADS", 4, "VALUE_DIM", 3, "BY_DIMENSION", decay.ndim() - 3));
        int[][] shapes = {v.shape(), state.shape()};
        assertSame(
                run(RecurrentKernels.DELTA, numbers, 3, 4, shapes, q, k, v, logs, beta, state),
                expected.output(),
                expected.matrix());
    }

    @Test
    void theGatedDeltaRule() {
        onThread(() -> gatedDelta(random(4, 1, 5, 4)));
    }

    @Test
    void theGatedDeltaRuleWithADecayForEachDimension() {
        onThread(() -> gatedDelta(random(4, 1, 5, 4, 64)));
    }

    @Test
    void theStateSpaceOfTwoSequences() {
        onThread(() -> {
            MlxArray x = random(1, 2, 1, 4, 3);
            MlxArray b = random(2, 2, 1, 2, 64);
            MlxArray c = random(3, 2, 1, 2, 64);
            MlxArray steps = Ops.exp(random(4, 2, 1, 4));
            MlxArray rate = Ops.negative(Ops.exp(random(5, 4)));
            MlxArray skip = random(6, 4);
            MlxArray state = random(7, 2, 2, 2, 3, 64);
            Map<String, Integer> numbers = new TreeMap<>(Map.of("HEADS", 4, "HEAD_DIM", 3, "GROUPS", 2, "STATE", 64));
            int[][] shapes = {x.shape(), state.shape()};
            assertSame(
                    run(RecurrentKernels.SPACE, numbers, 3, 8, shapes, x, b, c, steps, rate, skip, state),
                    StateSpace.composedStep(x, b, c, steps, rate, skip, state));
        });
    }
}
