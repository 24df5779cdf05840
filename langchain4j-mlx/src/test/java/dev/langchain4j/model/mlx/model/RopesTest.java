package dev.langchain4j.model.mlx.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Rotations are those of transformers: here its formulas stand as they are written there, with frequencies and a factor
 * on cosines and sines, where this project has wavelengths and multiplies what is turned.
 */
class RopesTest {
    private static final int DIM = 32;
    private static final int LENGTH = 7;

    private static ModelConfig config(String json) {
        try {
            JsonNode tree = new ObjectMapper().readTree(json.replace('\'', '"'));
            return new ModelConfig(tree, "config.json");
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new IllegalArgumentException(e);
        }
    }

    /** Frequencies of all pairs, and what cosines and sines are multiplied by. */
    private record Angles(double[] frequencies, double factor) {}

    private static void assertTurnsBy(Angles want, String json, int offset) {
        long handles = LiveHandles.count();
        Random random = new Random(5);
        float[] x = new float[LENGTH * DIM];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextGaussian();
        }
        float[] got = turned(json, x, offset);
        int half = want.frequencies.length;
        for (int t = 0; t < LENGTH; t++) {
            for (int i = 0; i < DIM; i++) {
                int pair = i < half ? i : i - half;
                double expected = x[t * DIM + i];
                if (i < 2 * half) {
                    double angle = (offset + t) * want.frequencies[pair];
                    double other = i < half ? -x[t * DIM + i + half] : x[t * DIM + i - half];
                    expected = (expected * Math.cos(angle) + other * Math.sin(angle)) * want.factor;
                }
                assertThat((double) got[t * DIM + i])
                        .as("%s, position %d, dimension %d", json, offset + t, i)
                        .isCloseTo(expected, org.assertj.core.api.Assertions.within(2e-3));
            }
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static float[] turned(String json, float[] x, int offset) {
        try (MlxThread thread = MlxThread.start("ropes")) {
            return thread.call(() -> {
                Weights weights = null;
                try (Scope scope = Scope.open()) {
                    weights = new Weights("here", null, Map.of(), null);
                    RopeParameters p = RopeParameters.of(config(json));
                    Rope rope = Ropes.of(weights, p, p.dims(DIM, 1), 10_000, false);
                    return rope.apply(MlxArray.of(x, 1, 1, LENGTH, DIM), new int[] {offset})
                            .toFloats();
                } finally {
                    if (weights != null) {
                        weights.close();
                    }
                }
            });
        }
    }

    private static double[] plain(int dim, double base) {
        double[] frequencies = new double[dim / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = 1 / Math.pow(base, 2.0 * i / dim);
        }
        return frequencies;
    }

    private static double scale(double factor, double mscale) {
        return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
    }

    private static double[] yarn(int dim, double base, double factor, double original, boolean truncate) {
        double low = dim * Math.log(original / (32 * 2 * Math.PI)) / (2 * Math.log(base));
        double high = dim * Math.log(original / (2 * Math.PI)) / (2 * Math.log(base));
        low = Math.max(truncate ? Math.floor(low) : low, 0);
        high = Math.min(truncate ? Math.ceil(high) : high, dim - 1);
        double[] extrapolated = plain(dim, base);
        double[] frequencies = new double[dim / 2];
        for (int i = 0; i < frequencies.length; i++) {
            double ramp = Math.clamp((i - low) / (high - low), 0, 1);
            frequencies[i] = extrapolated[i] / factor * ramp + extrapolated[i] * (1 - ramp);
        }
        return frequencies;
    }

    private static final String YARN = "'rope_type': 'yarn', 'factor': 4, 'original_max_position_embeddings': 2048";

    @ParameterizedTest
    @ValueSource(ints = {0, 5000})
    void yarnIsThatOfItsAuthors(int offset) {
        double[] frequencies = yarn(DIM, 10_000, 4, 2048, true);
        assertTurnsBy(new Angles(frequencies, scale(4, 1)), "{'rope_scaling': {" + YARN + "}}", offset);
        assertTurnsBy(
                new Angles(yarn(DIM, 10_000, 4, 2048, false), scale(4, 1)),
                "{'rope_scaling': {" + YARN + ", 'truncate': false}}",
                offset);
        assertTurnsBy(
                new Angles(frequencies, 1.25),
                "{'rope_scaling': {" + YARN + ", 'attention_factor': 1.25, 'mscale': 2, 'mscale_all_dim': 1}}",
                offset);
        assertTurnsBy(
                new Angles(frequencies, scale(4, 2) / scale(4, 0.5)),
                "{'rope_scaling': {" + YARN + ", 'mscale': 2, 'mscale_all_dim': 0.5}}",
                offset);
        assertTurnsBy(new Angles(frequencies, scale(4, 1)), "{'rope_scaling': {" + YARN + ", 'mscale': 2}}", offset);
        assertTurnsBy(
                new Angles(yarn(DIM / 2, 500, 4, 2048, true), scale(4, 1)),
                "{'rope_parameters': {'rope_theta': 500, 'partial_rotary_factor': 0.5, " + YARN + "}}",
                offset);
    }

    @Test
    void alphaRaisesTheBaseOnceForAll() {
        double base = 10_000 * Math.pow(50, DIM / (DIM - 2.0));
        String json = "{'max_position_embeddings': 16, 'rope_scaling': {'type': 'dynamic', 'alpha': 50, 'factor': 1}}";
        assertTurnsBy(new Angles(plain(DIM, base), 1), json, 0);
        assertTurnsBy(new Angles(plain(DIM, base), 1), json, 5000);
    }

    @Test
    void longropeTakesTheScaleThatTheConfigHas() {
        double[] frequencies = plain(DIM, 10_000);
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] /= 2;
        }
        String json = "{'max_position_embeddings': 64, 'rope_scaling': {'type': 'longrope', 'long_factor': [2],"
                + " 'long_mscale': 1.25, 'original_max_position_embeddings': 16}}";
        assertTurnsBy(new Angles(frequencies, 1.25), json, 100);
    }

    @Test
    void yarnWithoutFactorOrOriginalContextTakesWhatTheConfigHas() {
        assertTurnsBy(
                new Angles(yarn(DIM, 10_000, 8, 512, true), scale(8, 1)),
                "{'max_position_embeddings': 4096, 'rope_scaling': {'type': 'yarn', 'original_max_position_embeddings': 512}}",
                100);
        assertTurnsBy(
                new Angles(yarn(DIM, 10_000, 8, 4096, true), scale(8, 1)),
                "{'max_position_embeddings': 4096, 'rope_scaling': {'type': 'yarn', 'factor': 8}}",
                100);
    }

    @Test
    void linearAndLlama3AreThoseOfTheirAuthors() {
        double[] linear = plain(DIM, 10_000);
        double[] llama3 = plain(DIM, 10_000);
        for (int i = 0; i < linear.length; i++) {
            double wave = 2 * Math.PI / llama3[i];
            double smooth = Math.clamp((512 / wave - 1) / (4 - 1), 0, 1);
            llama3[i] = (1 - smooth) * llama3[i] / 8 + smooth * llama3[i];
            linear[i] /= 3;
        }
        assertTurnsBy(new Angles(linear, 1), "{'rope_parameters': {'rope_type': 'linear', 'factor': 3}}", 900);
        assertTurnsBy(
                new Angles(llama3, 1),
                "{'max_position_embeddings': 512, 'rope_scaling': {'rope_type': 'llama3', 'factor': 8,"
                        + " 'low_freq_factor': 1, 'high_freq_factor': 4}}",
                900);
    }

    @Test
    void longropeStretchesEachWavelengthByItsFactor() {
        double[] frequencies = plain(8, 10_000);
        double[] factors = {2, 2.5, 3, 4};
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] /= factors[i];
        }
        String factorsOfBoth = "'long_factor': [2, 2.5, 3, 4], 'short_factor': [1, 1, 1, 1]";
        double implied = Math.sqrt(1 + Math.log(8) / Math.log(64));
        assertTurnsBy(
                new Angles(frequencies, implied),
                "{'max_position_embeddings': 512, 'original_max_position_embeddings': 64, 'partial_rotary_factor': 0.25,"
                        + " 'rope_scaling': {'type': 'su', " + factorsOfBoth + "}}",
                70);
        assertTurnsBy(
                new Angles(frequencies, 1.5),
                "{'max_position_embeddings': 512, 'rope_parameters': {'original_max_position_embeddings': 64,"
                        + " 'partial_rotary_factor': 0.25, 'rope_type': 'longrope', 'attention_factor': 1.5, "
                        + factorsOfBoth + "}}",
                70);
    }

    @Test
    void aContextOfTheFirstTrainingHasItsFactors() {
        String json = "{'max_position_embeddings': 512, 'rope_parameters': {'original_max_position_embeddings': 64,"
                + " 'rope_type': 'longrope', 'long_factor': [4], 'short_factor': [2]}}";
        assertThat(RopeParameters.of(RopeParameters.fitted(config(json), 64))
                        .fields()
                        .numbers("long_factor"))
                .containsExactly(2);
        assertThat(RopeParameters.of(RopeParameters.fitted(config(json), 65))
                        .fields()
                        .numbers("long_factor"))
                .containsExactly(4);
        ModelConfig plain = config("{'max_position_embeddings': 512}");
        assertThat(RopeParameters.fitted(plain, 1)).isSameAs(plain);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'rope_theta': 0} | rope_theta (0.0)",
                "{'rope_theta': 'big'} | rope_theta (\"big\")",
                "{'rope_parameters': {'rope_theta': -1}} | rope_theta (-1.0)",
                "{'rope_parameters': [1]} | rope_parameters",
                "{'partial_rotary_factor': 2} | partial_rotary_factor (2.0)",
                "{'rope_parameters': {'partial_rotary_factor': 0}} | partial_rotary_factor (0.0)",
                "{'rope_scaling': {'type': 'spiral'}} | rope_type (spiral)",
                "{'rope_scaling': {'type': 7}} | rope_type (7)",
                "{'rope_scaling': {'type': 'linear', 'factor': 0}} | factor (0.0)",
                "{'rope_scaling': {'type': 'longrope'}} | long_factor (null)",
                "{'rope_scaling': {'type': 'yarn', 'original_max_position_embeddings': -3}} | original_max_position"
            })
    void whatIsNoNumberOrOutOfRangeIsNamed(String json, String reason) {
        assertThatThrownBy(() -> turned(json, new float[LENGTH * DIM], 0))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining(reason);
    }
}
