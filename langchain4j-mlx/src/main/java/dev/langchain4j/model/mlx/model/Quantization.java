package dev.langchain4j.model.mlx.model;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Quantized.Format;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * How the weights of a folder are quantized: a format for all, and others for single layers, as mlx-lm writes it into
 * config.json. A layer is quantized if it has scales.
 */
final class Quantization {
    private static final Map<String, Set<Integer>> BITS =
            Map.of("affine", Set.of(2, 3, 4, 5, 6, 8), "mxfp4", Set.of(4), "mxfp8", Set.of(8), "nvfp4", Set.of(4));

    private final Format all;
    private final Map<String, Format> layers = new HashMap<>();

    private Quantization(Format all) {
        this.all = all;
    }

    /** What config.json says, or null if the weights are not quantized. */
    static Quantization of(ModelConfig config) {
        ModelConfig section = config.section("quantization");
        if (section == null) {
            section = config.section("quantization_config");
        }
        ModelConfig text = config.section("text_config");
        if (section == null && text != null) {
            section = text.section("quantization_config");
        }
        if (section == null) {
            return null;
        }
        if (section.has("quant_method")) {
            Format format = ofMethod(section);
            return format == null ? null : new Quantization(format);
        }
        Quantization quantization = new Quantization(format(section, null));
        for (Map.Entry<String, JsonNode> e : section.json().properties()) {
            if (e.getValue().isObject()) {
                quantization.layers.put(e.getKey(), format(section.section(e.getKey()), quantization.all));
            }
        }
        return quantization;
    }

    /** In words: mode, bits, elements that share a scale. */
    @Override
    public String toString() {
        String bits = all.mode().equals("affine") ? "affine " + all.bits() + " bits" : all.mode();
        return bits + ", groups of " + all.groupSize() + (layers.isEmpty() ? "" : ", some layers otherwise");
    }

    /** Columns that share a scale, where a layer has no format of its own. */
    int groupSize() {
        return all.groupSize();
    }

    /** What config.json says of this layer by name, or null. */
    Format named(String layer) {
        return layers.get(layer);
    }

    /** The format that the shapes imply: only affine scales are floats, and each other mode has one form. */
    Format implied(String layer, int in, MlxArray packed, MlxArray scales) {
        int groups = scales.dim(-1);
        long packedBits = 32L * packed.dim(-1);
        if (groups == 0 || in % groups != 0 || packedBits % in != 0) {
            throw new InvalidRequestException("the shapes of " + layer + ".weight and .scales do not fit " + in
                    + " columns of any quantization; config.json says " + all);
        }
        int group = in / groups;
        int bits = (int) (packedBits / in);
        String mode = scales.dtype().isFloating() ? "affine" : bits == 8 ? "mxfp8" : group == 16 ? "nvfp4" : "mxfp4";
        if (!BITS.get(mode).contains(bits)) {
            throw new InvalidRequestException(
                    layer + " has " + bits + " bits, which mode " + mode + " does not support");
        }
        return new Format(group, bits, mode);
    }

    /** The format of other tools' folders; null if their weights are no longer quantized once they are sanitized. */
    private static Format ofMethod(ModelConfig section) {
        String method = section.text("quant_method");
        return switch (method) {
            case "mxfp4" -> new Format(32, 4, "mxfp4");
            case "mxfp8" -> new Format(32, 8, "mxfp8");
            case "fp8" -> null;
            case "compressed-tensors" -> compressed(section);
            default ->
                throw section.invalid(
                        "quant_method",
                        method,
                        "must be mxfp4, mxfp8, fp8 or compressed-tensors; convert other folders with mlx_lm.convert");
        };
    }

    private static Format compressed(ModelConfig section) {
        String format = section.text("format");
        return switch (format) {
            case "nvfp4-pack-quantized" -> new Format(16, 4, "nvfp4");
            case "mxfp4-pack-quantized" -> new Format(32, 4, "mxfp4");
            case "pack-quantized" -> new Format(32, 4, "affine");
            default ->
                throw section.invalid(
                        "format", format, "must be pack-quantized, mxfp4-pack-quantized or nvfp4-pack-quantized");
        };
    }

    private static Format format(ModelConfig section, Format defaults) {
        // a layer's entry without a mode is affine whatever the others are, as mlx writes it for gpt-oss
        String mode = section.text("mode", "affine");
        Set<Integer> allowed = BITS.get(mode);
        if (allowed == null) {
            throw section.invalid("mode", mode, "must be one of " + BITS.keySet());
        }
        int bits = defaults == null ? section.count("bits") : section.count("bits", defaults.bits());
        if (!allowed.contains(bits)) {
            throw section.invalid("bits", bits, "must be one of " + allowed + " in mode " + mode);
        }
        int group = defaults == null ? section.count("group_size") : section.count("group_size", defaults.groupSize());
        if (group > 1024 || Integer.bitCount(group) != 1) {
            throw section.invalid("group_size", group, "must be a power of two up to 1024");
        }
        return new Format(group, bits, mode);
    }
}
