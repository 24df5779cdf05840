package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.Set;

/**
 * The ways in which config.json scales rotary positions. The numbers are those of mlx-lm's {@code rope_utils}; yarn is
 * arXiv:2309.00071, longrope arXiv:2402.13753.
 */
public final class Ropes {
    private static final Set<String> TYPES = Set.of(
            "default",
            "linear",
            "dynamic",
            "llama3",
            "yarn",
            "deepseek_yarn",
            "longrope",
            "su",
            "proportional",
            "mrope");

    private Ropes() {}

    /**
     * The rotation that config.json asks for.
     *
     * @param weights owner of the wavelengths
     * @param dims how many of a head's dimensions turn
     * @param base rope_theta
     * @param scaling the rope_scaling object, or null
     * @param positionsMax max_position_embeddings
     */
    public static Rope of(
            Weights weights, int dims, double base, boolean traditional, ModelConfig scaling, int positionsMax) {
        String type = scaling == null ? "default" : scaling.text("type", scaling.text("rope_type", "default"));
        return switch (type) {
            case "default", "mrope" -> plain(dims, traditional, base, 1);
            case "linear" -> plain(dims, traditional, base, 1 / scaling.number("factor"));
            case "llama3" -> turning(weights, dims, traditional, llama3(dims, base, scaling), 1);
            case "yarn", "deepseek_yarn" -> yarn(weights, dims, traditional, base, scaling);
            case "longrope", "su" ->
                longrope(
                        weights, dims, base, scaling, positionsMax, scaling.number("original_max_position_embeddings"));
            case "dynamic" -> dynamic(dims, traditional, base, scaling.number("factor"), positionsMax);
            case "proportional" -> proportional(weights, dims, traditional, base, scaling);
            default -> throw scaling.invalid("rope_type", type, "must be one of " + TYPES);
        };
    }

    /**
     * The rotation that the usual fields of config.json ask for: rope_theta, rope_scaling and max_position_embeddings, or
     * rope_parameters, where newer exports put the first two.
     *
     * @param base rope_theta if config.json has none; not a number if it must
     */
    public static Rope of(Weights weights, ModelConfig c, int dims, double base, boolean traditional) {
        ModelConfig nested = c.section("rope_parameters");
        double theta = c.number("rope_theta", nested == null ? base : nested.number("rope_theta", base));
        ModelConfig scaling = c.section("rope_scaling");
        return of(
                weights,
                dims,
                Double.isNaN(theta) ? c.number("rope_theta") : theta,
                traditional,
                scaling == null ? nested : scaling,
                c.count("max_position_embeddings", 2048));
    }

    /** Rotation of the first {@code dims} dimensions without any scaling. */
    public static Rope plain(int dims, double base, boolean traditional) {
        return plain(dims, traditional, base, 1);
    }

    private static Rope plain(int dims, boolean traditional, double base, double scale) {
        return (x, offsets) -> Fast.rope(x, dims, traditional, (float) base, (float) scale, offsets);
    }

    /** A base that grows with the context once that is longer than the model was trained for. */
    private static Rope dynamic(int dims, boolean traditional, double base, double factor, int positionsMax) {
        return (x, offsets) -> {
            MlxArray[] rows = new MlxArray[offsets.length];
            for (int i = 0; i < rows.length; i++) {
                double length = Math.max(x.dim(-2) + offsets[i], positionsMax);
                double stretch = factor * length / positionsMax - (factor - 1);
                double grown = base * Math.pow(stretch, dims / (dims - 2.0));
                MlxArray row = rows.length == 1 ? x : Indexing.slice(x, 0, i, i + 1);
                rows[i] = Fast.rope(row, dims, traditional, (float) grown, 1f, offsets[i]);
            }
            return rows.length == 1 ? rows[0] : Indexing.concatenate(0, rows);
        };
    }

    /** Rotation by wavelengths, of vectors that were multiplied by a number first. */
    private static Rope turning(Weights weights, int dims, boolean traditional, double[] lengths, double magnitude) {
        float[] singles = new float[lengths.length];
        for (int i = 0; i < singles.length; i++) {
            singles[i] = (float) lengths[i];
        }
        MlxArray wavelengths = weights.adopt(MlxArray.of(singles, singles.length));
        Rope turn = (x, offsets) -> Fast.rope(x, dims, traditional, wavelengths, 1f, offsets);
        return magnitude == 1 ? turn : (x, offsets) -> turn.apply(magnified(x, dims, magnitude), offsets);
    }

    private static MlxArray magnified(MlxArray x, int dims, double magnitude) {
        int width = x.dim(-1);
        if (width == dims) {
            return Ops.multiply(x, magnitude);
        }
        MlxArray turned = Ops.multiply(Indexing.slice(x, -1, 0, dims), magnitude);
        return Indexing.concatenate(-1, turned, Indexing.slice(x, -1, dims, width));
    }

    private static double[] wavelengths(int dims, double base) {
        double[] lengths = new double[dims / 2];
        for (int i = 0; i < lengths.length; i++) {
            lengths[i] = Math.pow(base, 2.0 * i / dims);
        }
        return lengths;
    }

    private static double[] llama3(int dims, double base, ModelConfig scaling) {
        double factor = scaling.number("factor");
        double low = scaling.number("low_freq_factor", 1);
        double high = scaling.number("high_freq_factor", 4);
        double context = scaling.number("original_max_position_embeddings", 8192);
        double[] lengths = wavelengths(dims, base);
        for (int i = 0; i < lengths.length; i++) {
            double wave = 2 * Math.PI * lengths[i];
            if (wave > context / low) {
                lengths[i] *= factor;
            } else if (wave > context / high && wave < context / low) {
                double smooth = (context / wave - low) / (high - low);
                lengths[i] /= (1 - smooth) / factor + smooth;
            }
        }
        return lengths;
    }

    private static Rope yarn(Weights weights, int dims, boolean traditional, double base, ModelConfig scaling) {
        double factor = scaling.number("factor");
        double context = scaling.number("original_max_position_embeddings", 4096);
        double low = Math.max(0, Math.floor(turnsToDimension(scaling.number("beta_fast", 32), dims, base, context)));
        double high =
                Math.min(dims - 1.0, Math.ceil(turnsToDimension(scaling.number("beta_slow", 1), dims, base, context)));
        double span = low == high ? 0.001 : high - low;
        double[] lengths = wavelengths(dims, base);
        for (int i = 0; i < lengths.length; i++) {
            double keep = 1 - Math.clamp((i - low) / span, 0, 1);
            double stretched = factor * lengths[i];
            lengths[i] = stretched * lengths[i] / (stretched * keep + lengths[i] * (1 - keep));
        }
        double magnitude =
                yarnScale(factor, scaling.number("mscale", 1)) / yarnScale(factor, scaling.number("mscale_all_dim", 0));
        return turning(weights, dims, traditional, lengths, magnitude);
    }

    /** The dimension that turns this often within the original context. */
    private static double turnsToDimension(double turns, int dims, double base, double context) {
        return dims * Math.log(context / (turns * 2 * Math.PI)) / (2 * Math.log(base));
    }

    /** The temperature that yarn puts on attention at a scale factor. */
    public static double yarnScale(double factor, double mscale) {
        return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
    }

    /**
     * Rotation by wavelengths that long_factor stretches one by one.
     *
     * @param context length that the model was trained with at first
     */
    public static Rope longrope(
            Weights weights, int dims, double base, ModelConfig scaling, int positionsMax, double context) {
        double[] factors = scaling.numbers("long_factor");
        double[] lengths = wavelengths(dims, base);
        if (factors == null || (factors.length != 1 && factors.length != lengths.length)) {
            throw scaling.invalid(
                    "long_factor", factors == null ? null : factors.length, "must be " + lengths.length + " numbers");
        }
        for (int i = 0; i < lengths.length; i++) {
            lengths[i] *= factors[factors.length == 1 ? 0 : i];
        }
        double factor = positionsMax / context;
        double magnitude = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(context));
        return turning(weights, dims, false, lengths, magnitude);
    }

    private static Rope proportional(Weights weights, int dims, boolean traditional, double base, ModelConfig scaling) {
        double part = scaling.number("partial_rotary_factor", 1);
        return proportional(weights, dims, traditional, base, part, scaling.number("factor", 1));
    }

    /**
     * Rotation of the first {@code part} of a head's pairs by the wavelengths that they have where all turn.
     *
     * @param factor what the wavelengths are multiplied by
     */
    public static Rope proportional(
            Weights weights, int dims, boolean traditional, double base, double part, double factor) {
        int turned = (int) (dims * part);
        double[] lengths = wavelengths(dims, base);
        for (int i = 0; i < lengths.length; i++) {
            lengths[i] = i < (turned + 1) / 2 ? factor * lengths[i] : Double.POSITIVE_INFINITY;
        }
        return turning(weights, dims, traditional, lengths, 1);
    }
}
