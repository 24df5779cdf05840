package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
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
     * @param p what config.json says
     * @param dims how many of a head's dimensions turn
     * @param base rope_theta if config.json has none; not a number if it must
     */
    public static Rope of(Weights weights, RopeParameters p, int dims, double base, boolean traditional) {
        return Mrope.of(weights, p.fields(), dims, scaled(weights, p, dims, base, traditional));
    }

    private static Rope scaled(Weights weights, RopeParameters p, int dims, double base, boolean traditional) {
        double theta = p.theta(base);
        return switch (p.type()) {
            case "default", "mrope" -> plain(dims, traditional, theta, 1);
            case "linear" -> plain(dims, traditional, theta, 1 / p.factor());
            case "llama3" -> turning(weights, dims, traditional, llama3(dims, theta, p), 1);
            case "yarn", "deepseek_yarn" -> turning(weights, dims, traditional, yarn(dims, theta, p), yarnMagnitude(p));
            case "longrope", "su" -> longrope(weights, p, dims, base);
            case "dynamic" ->
                p.fields().has("alpha")
                        ? plain(dims, traditional, theta * growthByAlpha(p, dims), 1)
                        : dynamic(dims, traditional, theta, p.factor(), p.positions());
            case "proportional" -> proportional(weights, p, dims, base, 1, traditional);
            default -> throw p.fields().invalid("rope_type", p.type(), "must be one of " + TYPES);
        };
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

    /** What alpha multiplies the base by, however long the context is (Hunyuan). */
    private static double growthByAlpha(RopeParameters p, int dims) {
        double alpha = p.fields().number("alpha");
        if (alpha <= 0) {
            throw p.fields().invalid("alpha", alpha, "must be more than 0");
        }
        return Math.pow(alpha, dims / (dims - 2.0));
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

    private static double[] llama3(int dims, double base, RopeParameters p) {
        double factor = p.factor();
        double low = p.fields().number("low_freq_factor", 1);
        double high = p.fields().number("high_freq_factor", 4);
        double context = p.originalPositions();
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

    private static double[] yarn(int dims, double base, RopeParameters p) {
        double factor = p.factor();
        double low = turnsToDimension(orElse(p.fields(), "beta_fast", 32), dims, base, p.originalPositions());
        double high = turnsToDimension(orElse(p.fields(), "beta_slow", 1), dims, base, p.originalPositions());
        if (p.fields().flag("truncate", true)) {
            low = Math.floor(low);
            high = Math.ceil(high);
        }
        low = Math.max(0, low);
        high = Math.min(dims - 1.0, high);
        double span = low == high ? 0.001 : high - low;
        double[] lengths = wavelengths(dims, base);
        for (int i = 0; i < lengths.length; i++) {
            double keep = 1 - Math.clamp((i - low) / span, 0, 1);
            double stretched = factor * lengths[i];
            lengths[i] = stretched * lengths[i] / (stretched * keep + lengths[i] * (1 - keep));
        }
        return lengths;
    }

    /** The dimension that turns this often within the original context. */
    private static double turnsToDimension(double turns, int dims, double base, double context) {
        return dims * Math.log(context / (turns * 2 * Math.PI)) / (2 * Math.log(base));
    }

    /** What turned vectors are multiplied by: attention_factor, or else what the two scales and the factor imply. */
    private static double yarnMagnitude(RopeParameters p) {
        ModelConfig c = p.fields();
        if (c.has("attention_factor")) {
            return c.number("attention_factor");
        }
        double mscale = c.number("mscale", 0);
        double all = c.number("mscale_all_dim", 0);
        return mscale != 0 && all != 0
                ? yarnScale(p.factor(), mscale) / yarnScale(p.factor(), all)
                : yarnScale(p.factor(), 1);
    }

    /** A number, where zero counts as none. */
    private static double orElse(ModelConfig c, String name, double otherwise) {
        double value = c.number(name, otherwise);
        return value == 0 ? otherwise : value;
    }

    /** The temperature that yarn puts on attention at a scale factor. */
    public static double yarnScale(double factor, double mscale) {
        return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
    }

    /**
     * Rotation by wavelengths that long_factor stretches one by one.
     *
     * @param base rope_theta if config.json has none
     */
    public static Rope longrope(Weights weights, RopeParameters p, int dims, double base) {
        ModelConfig c = p.fields();
        double[] factors = c.numbers("long_factor");
        double[] lengths = wavelengths(dims, p.theta(base));
        if (factors == null || (factors.length != 1 && factors.length != lengths.length)) {
            throw c.invalid(
                    "long_factor", factors == null ? null : factors.length, "must be " + lengths.length + " numbers");
        }
        for (int i = 0; i < lengths.length; i++) {
            lengths[i] *= factors[factors.length == 1 ? 0 : i];
        }
        return turning(weights, dims, false, lengths, longropeMagnitude(p));
    }

    private static double longropeMagnitude(RopeParameters p) {
        double factor = p.factor();
        double implied = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(p.originalPositions()));
        return orElse(p.fields(), "long_mscale", p.fields().number("attention_factor", implied));
    }

    /**
     * Rotation of the first pairs of a head by the wavelengths that they have where all turn.
     *
     * @param base rope_theta if config.json has none
     * @param part the part of the pairs that turns if config.json has none
     */
    public static Rope proportional(
            Weights weights, RopeParameters p, int dims, double base, double part, boolean traditional) {
        double factor = p.fields().number("factor", 1);
        int turned = (int) (dims * p.part(part) / 2);
        double[] lengths = wavelengths(dims, p.theta(base));
        for (int i = 0; i < lengths.length; i++) {
            lengths[i] = i < turned ? factor * lengths[i] : Double.POSITIVE_INFINITY;
        }
        return turning(weights, dims, traditional, lengths, 1);
    }
}
