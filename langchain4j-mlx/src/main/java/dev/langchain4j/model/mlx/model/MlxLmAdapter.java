package dev.langchain4j.model.mlx.model;

import dev.langchain4j.mlx.MlxArray;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** An adapter_config.json of mlx-lm. Source: its {@code tuner/utils.py}. */
final class MlxLmAdapter implements AdapterSettings {

    /** How the adapter was trained. */
    private enum Kind {
        LORA,
        DORA,
        FULL
    }

    private final Kind kind;
    private final Set<String> keys;
    private final int lastLayers;
    private final int rank;
    private final double scale;

    MlxLmAdapter(ModelConfig config) {
        String type = config.text("fine_tune_type", "lora");
        this.kind = switch (type) {
            case "lora" -> Kind.LORA;
            case "dora" -> Kind.DORA;
            case "full" -> Kind.FULL;
            default -> throw config.invalid("fine_tune_type", type, "must be lora, dora or full");
        };
        if (kind == Kind.FULL) {
            this.keys = Set.of();
            this.lastLayers = 0;
            this.rank = 0;
            this.scale = 0;
            return;
        }
        ModelConfig parameters = config.section("lora_parameters");
        if (parameters == null) {
            throw config.invalid("lora_parameters", null, "must be an object with rank and scale");
        }
        if (!parameters.has("scale") && parameters.has("alpha")) {
            throw parameters.invalid(
                    "alpha", parameters.number("alpha"), "must be given as scale, which is alpha / rank");
        }
        List<String> named = parameters.texts("keys");
        this.keys = named == null ? null : Set.copyOf(named);
        if (!config.has("num_layers")) {
            throw config.invalid("num_layers", null, "must be a whole number");
        }
        this.lastLayers = config.integer("num_layers", 0);
        this.rank = parameters.count("rank");
        this.scale = parameters.number("scale");
    }

    @Override
    public String weightsFile() {
        return "adapters.safetensors";
    }

    @Override
    public void sort(
            Map<String, MlxArray> tensors,
            Map<String, MlxArray> changes,
            Map<String, MlxArray> whole,
            Adapter adapter) {
        (kind == Kind.FULL ? whole : changes).putAll(tensors);
    }

    @Override
    public boolean isDora() {
        return kind == Kind.DORA;
    }

    @Override
    public int rank(String layer) {
        return rank;
    }

    @Override
    public double scale(String layer) {
        return scale;
    }

    @Override
    public boolean changesTiedHead() {
        return true;
    }

    @Override
    public Set<String> expected(Set<String> all, Set<String> changed) {
        int layers = all.stream().mapToInt(AdapterSettings::layerOf).max().orElse(-1) + 1;
        int first = lastLayers <= 0 ? 0 : Math.max(0, layers - lastLayers);
        Set<String> parts = keys;
        if (parts == null) {
            parts = new HashSet<>();
            for (String layer : changed) {
                parts.add(AdapterSettings.partOf(layer));
            }
        }
        Set<String> expected = new TreeSet<>();
        for (String layer : all) {
            boolean inside = AdapterSettings.layerOf(layer) >= first && parts.contains(AdapterSettings.partOf(layer));
            if (inside || parts.contains(layer)) {
                expected.add(layer);
            }
        }
        return expected;
    }
}
