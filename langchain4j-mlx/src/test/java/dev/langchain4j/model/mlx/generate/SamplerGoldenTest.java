package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The distributions that tokens are drawn from are mlx-lm's, for each parameter and for all of them together. */
class SamplerGoldenTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final double TOLERANCE = 2e-4;

    @Test
    void distributionsAreThoseOfMlxLm() throws Exception {
        List<String> lines = Files.readAllLines(Goldens.folder("samplers.jsonl"));
        List<String> failures = new ArrayList<>();
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("sampler")) {
            for (int i = 0; i < lines.size(); i++) {
                JsonNode golden = JSON.readTree(lines.get(i));
                double gap = thread.call(() -> gap(golden));
                if (!(gap <= TOLERANCE)) {
                    failures.add("case " + i + " " + golden.path("params") + ": probabilities differ by " + gap);
                }
            }
        }
        Goldens.report("SamplerGoldenTest", lines.size() - failures.size(), lines.size());
        assertThat(failures).isEmpty();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static double gap(JsonNode golden) {
        int[] history = new int[golden.path("history").size()];
        for (int i = 0; i < history.length; i++) {
            history[i] = golden.path("history").get(i).asInt();
        }
        float[] logits = floats(golden.path("logits"));
        float[] wanted = floats(golden.path("probabilities"));
        try (Scope scope = Scope.open();
                Sampler sampler = new Sampler(sampling(golden.path("params")), history)) {
            MlxArray distribution = sampler.distribution(MlxArray.of(logits, 1, logits.length));
            float[] got = Ops.softmax(Ops.astype(distribution, DType.FLOAT32), -1, true)
                    .toFloats();
            double gap = 0;
            for (int i = 0; i < wanted.length; i++) {
                double d = Math.abs(got[i] - wanted[i]);
                gap = d <= gap ? gap : d;
            }
            return gap;
        }
    }

    private static float[] floats(JsonNode array) {
        float[] values = new float[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) array.get(i).asDouble();
        }
        return values;
    }

    private static Sampling sampling(JsonNode p) {
        Map<Integer, Double> bias = new HashMap<>();
        p.path("logit_bias")
                .properties()
                .forEach(
                        e -> bias.put(Integer.parseInt(e.getKey()), e.getValue().asDouble()));
        return new Sampling(
                p.path("temperature").asDouble(),
                p.path("top_p").asDouble(0),
                p.path("top_k").asInt(0),
                p.path("min_p").asDouble(0),
                p.path("xtc_probability").asDouble(0),
                p.path("xtc_threshold").asDouble(0.1),
                p.path("repetition_penalty").asDouble(1),
                p.path("presence_penalty").asDouble(0),
                p.path("frequency_penalty").asDouble(0),
                p.path("repetition_context_size").asInt(Sampling.DEFAULT_PENALTY_WINDOW),
                bias,
                1,
                Sampling.NO_LOGPROBS);
    }
}
