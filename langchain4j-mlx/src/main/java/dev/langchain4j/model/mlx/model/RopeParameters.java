package dev.langchain4j.model.mlx.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.InvalidRequestException;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * The rotary positions that config.json asks for. The one place that knows both spellings: fields beside the others
 * ({@code rope_theta}, {@code rope_scaling}, {@code partial_rotary_factor}, {@code rope_local_base_freq}), and
 * {@code rope_parameters}, where transformers 5 puts them all, flat or in an object for each type of layer. Where a
 * folder has both, {@code rope_scaling} wins over {@code rope_parameters}, and that over the fields. Source:
 * transformers' {@code modeling_rope_utils.py}.
 */
public final class RopeParameters {
    private static final String PARAMETERS = "rope_parameters";
    private static final String SCALING = "rope_scaling";
    private static final String THETA = "rope_theta";
    private static final String PART = "partial_rotary_factor";
    private static final String PARTS = "partial_rotary_factors";
    private static final String ORIGINAL = "original_max_position_embeddings";
    private static final String POSITIONS = "max_position_embeddings";
    private static final String SECTIONS = "mrope_section";
    private static final String FACTOR = "factor";
    private static final String TYPE = "rope_type";
    private static final String TEXT = "text_config";
    private static final String FULL = "full_attention";
    private static final String DIMS = "rotary_dim";

    /** Kinds whose factor stretches the context that max_position_embeddings names. */
    private static final Set<String> STRETCHING = Set.of("yarn", "deepseek_yarn");

    private final ModelConfig config;
    private final ModelConfig fields;

    private RopeParameters(ModelConfig config, ObjectNode fields) {
        this.config = config;
        this.fields = new ModelConfig(fields, config.where());
    }

    /**
     * The parameters of a model whose layers all turn alike.
     *
     * @throws InvalidRequestException if config.json has different ones for different types of layers
     */
    public static RopeParameters of(ModelConfig c) {
        ObjectNode fields = beside(c, THETA);
        JsonNode parameters = object(c, PARAMETERS);
        if (isNested(parameters)) {
            Set<JsonNode> kinds = new HashSet<>();
            parameters.forEach(kinds::add);
            kinds.removeIf(JsonNode::isNull);
            if (kinds.size() > 1) {
                throw c.invalid(PARAMETERS, parameters, "must be the same for all layers of this model_type");
            }
            parameters = kinds.isEmpty() ? parameters : kinds.iterator().next();
        }
        put(fields, parameters);
        put(fields, object(c, SCALING));
        return finished(c, fields);
    }

    /**
     * The parameters of layers that attend to the whole context, in a model where others turn in another way.
     *
     * @param layerType name of these layers in rope_parameters
     */
    public static RopeParameters ofFull(ModelConfig c, String layerType) {
        ObjectNode fields = beside(c, THETA);
        JsonNode parameters = object(c, PARAMETERS);
        put(fields, isNested(parameters) ? parameters.path(layerType) : parameters);
        put(fields, object(c, SCALING));
        return finished(c, fields);
    }

    /**
     * The parameters of layers that attend to a window, in a model where others turn in another way: what rope_theta
     * and rope_scaling say is not for them.
     *
     * @param layerType name of these layers in rope_parameters
     */
    public static RopeParameters ofSliding(ModelConfig c, String layerType) {
        ObjectNode fields = beside(c, "rope_local_base_freq");
        JsonNode parameters = object(c, PARAMETERS);
        put(fields, isNested(parameters) ? parameters.path(layerType) : null);
        return finished(c, fields);
    }

    /**
     * The parameters of one layer, in a model where only some layers are scaled, and where rope_theta and
     * partial_rotary_factors may list those of each.
     *
     * @param layerType name of such layers in rope_parameters; what it has for each type counts as it is
     * @param scaled whether the positions of this layer are scaled as config.json says for all
     */
    public static RopeParameters ofLayer(ModelConfig c, String layerType, int layer, boolean scaled) {
        ObjectNode fields = beside(c, THETA);
        JsonNode parameters = object(c, PARAMETERS);
        boolean nested = isNested(parameters);
        put(fields, nested ? parameters.path(layerType) : parameters);
        put(fields, scaled ? object(c, SCALING) : null);
        JsonNode theta = fields.path(THETA);
        if (theta.isArray()) {
            if (!theta.has(layer)) {
                throw c.invalid(THETA, theta, "must have a number for layer " + layer);
            }
            fields.set(THETA, theta.get(layer));
        }
        set(fields, PART, c.json().path(PARTS).get(layer));
        return finished(c, scaled || nested ? fields : fields.retain(THETA, PART));
    }

    /** Whether config.json has rope_parameters. */
    public static boolean areNested(ModelConfig c) {
        return isNested(object(c, PARAMETERS));
    }

    private static JsonNode object(ModelConfig c, String name) {
        ModelConfig section = c.section(name);
        return section == null ? JsonNodeFactory.instance.objectNode() : section.json();
    }

    /** Objects by type of layer, which have no other values. */
    private static boolean isNested(JsonNode parameters) {
        boolean any = false;
        for (JsonNode value : parameters) {
            any |= value.isObject();
            if (!value.isObject() && !value.isNull()) {
                return false;
            }
        }
        return any;
    }

    private static ObjectNode beside(ModelConfig c, String theta) {
        ObjectNode fields = JsonNodeFactory.instance.objectNode();
        set(fields, THETA, c.json().get(theta));
        set(fields, PART, c.json().get(PART));
        return fields;
    }

    private static void put(ObjectNode fields, JsonNode object) {
        if (object == null || !object.isObject()) {
            return;
        }
        object.properties().forEach(e -> set(fields, e.getKey(), e.getValue()));
        // an older name, which goes beside the newer one in some folders
        JsonNode type = object.hasNonNull(TYPE) ? object.get(TYPE) : object.get("type");
        set(fields, TYPE, type);
        set(fields, "type", type);
    }

    private static void set(ObjectNode fields, String name, JsonNode value) {
        if (value != null && !value.isNull()) {
            fields.set(name, value);
        }
    }

    /** The length of the first training stands beside the others in some folders, and then counts. */
    private static RopeParameters finished(ModelConfig c, ObjectNode fields) {
        set(fields, ORIGINAL, c.json().get(ORIGINAL));
        return new RopeParameters(c, fields);
    }

    /**
     * The base of the wavelengths.
     *
     * @param otherwise what it is where config.json does not say; not a number if it must
     */
    public double theta(double otherwise) {
        if (!fields.has(THETA) && Double.isNaN(otherwise)) {
            return config.number(THETA);
        }
        double theta = fields.number(THETA, otherwise);
        if (theta <= 0) {
            throw fields.invalid(THETA, theta, "must be more than 0");
        }
        return theta;
    }

    /**
     * How many dimensions of a head turn: rotary_dim, or a part of them.
     *
     * @param otherwise the part of them where config.json does not say; not a number if it must
     */
    public int dims(int headDim, double otherwise) {
        if (!config.has(DIMS)) {
            return (int) (headDim * part(otherwise));
        }
        int dims = config.count(DIMS);
        if (dims > headDim) {
            throw config.invalid(DIMS, dims, "must be at most the dimensions of a head (" + headDim + ")");
        }
        return dims;
    }

    /** The part of a head that turns, or the default; not a number if config.json must say it. */
    public double part(double otherwise) {
        if (!fields.has(PART) && Double.isNaN(otherwise)) {
            return config.number(PART);
        }
        double part = fields.number(PART, otherwise);
        if (part <= 0 || part > 1) {
            throw fields.invalid(PART, part, "must be more than 0 and at most 1");
        }
        return part;
    }

    /** The kind of scaling; {@code default} for none. */
    public String type() {
        return fields.text(TYPE, "default");
    }

    /** What else there is, by the names that all spellings share. */
    public ModelConfig fields() {
        return fields;
    }

    /** The number of positions that the model was made for: max_position_embeddings. */
    public int positions() {
        return config.count(POSITIONS, 2048);
    }

    /** The number of positions of the first training, which scaling starts from. */
    public double originalPositions() {
        return fields.has(ORIGINAL) ? fields.count(ORIGINAL) : positions();
    }

    /** What scaling stretches by, where config.json need not say it: the ratio of positions now and at first. */
    public double factor() {
        double factor = fields.has(FACTOR) ? fields.number(FACTOR) : positions() / originalPositions();
        if (factor <= 0) {
            throw fields.invalid(FACTOR, factor, "must be more than 0");
        }
        return factor;
    }

    /**
     * Most tokens of prompt and answer together that config.json says: max_position_embeddings, or what yarn stretches
     * the first context to, if that is more.
     *
     * @param otherwise what it is where config.json does not say
     */
    public static int contextLength(ModelConfig config, int otherwise) {
        ModelConfig c = textPart(config);
        int positions = c.count(POSITIONS, otherwise);
        JsonNode parameters = object(c, PARAMETERS);
        double most = positions;
        Predicate<RopeParameters> stretches = p -> STRETCHING.contains(p.type()) && p.fields.has(FACTOR);
        if (isNested(parameters)) {
            for (Map.Entry<String, JsonNode> e : parameters.properties()) {
                RopeParameters p = ofFull(c, e.getKey());
                most = stretches.test(p) ? Math.max(most, p.factor() * p.originalPositions()) : most;
            }
        } else {
            RopeParameters p = of(c);
            most = stretches.test(p) ? Math.max(most, p.factor() * p.originalPositions()) : most;
        }
        return (int) Math.min(otherwise, most);
    }

    /**
     * A config whose positions are scaled as somebody wants it. Layers that attend to a window and turn in their own
     * way stay as they are.
     *
     * @param type yarn or linear
     * @param original number of positions to start from; null for what config.json says
     * @throws InvalidRequestException if the model has no rotary positions, or scales them in another way
     */
    public static ModelConfig scaled(ModelConfig config, String type, double factor, Integer original) {
        ModelConfig c = textPart(config);
        String wanted = type + " by " + factor;
        if (!turns(c)) {
            throw new InvalidRequestException("ropeScaling (" + wanted + ") needs a model with rotary"
                    + " positions, which "
                    + c.where() + " does not have");
        }
        if (original == null && !c.has(POSITIONS)) {
            throw new InvalidRequestException("ropeScaling (" + wanted + ") needs an original context, for " + c.where()
                    + " has no " + POSITIONS);
        }
        RopeParameters old = wholeContext(c);
        boolean plain = old.type().equals("default") || old.type().equals("mrope");
        if (!plain && !old.type().equals(type)) {
            throw new InvalidRequestException(
                    "ropeScaling (" + wanted + ") must not replace the scaling that the model in " + c.where()
                            + " was made with (" + old.type() + ")");
        }
        double from = original != null ? original : old.originalPositions();
        ObjectNode fields = old.fields.json().deepCopy();
        fields.remove("attention_factor");
        fields.put(TYPE, type).put("type", type).put(FACTOR, factor).put(ORIGINAL, (int) from);
        ObjectNode changed = c.json().deepCopy();
        changed.remove(ORIGINAL);
        changed.put(POSITIONS, (int) Math.min(Integer.MAX_VALUE, Math.max(old.positions(), factor * from)));
        return with(config, c, changed, fields);
    }

    /** Whether there are rotary positions: not without attention, and not where config.json switches them off. */
    private static boolean turns(ModelConfig c) {
        return c.has("num_attention_heads")
                && !c.text("position_embedding_type", "").equals("nope");
    }

    /**
     * A config whose positions fit a context. Longrope has factors for contexts up to that of the first training, and
     * others beyond; which ones is decided here, for all tokens, because keys that were turned in one way do not go
     * with queries that were turned in the other.
     *
     * @return the same config if there is nothing to decide
     */
    public static ModelConfig fitted(ModelConfig config, int contextLength) {
        ModelConfig c = textPart(config);
        if (isNested(object(c, PARAMETERS))) {
            return config;
        }
        ModelConfig fields = of(c).fields;
        if (!fields.has("short_factor") || !fields.has(ORIGINAL) || contextLength > fields.count(ORIGINAL)) {
            return config;
        }
        ObjectNode scaling = fields.json().deepCopy();
        scaling.set("long_factor", scaling.get("short_factor"));
        set(scaling, "long_mscale", scaling.get("short_mscale"));
        return with(config, c, c.json().deepCopy(), scaling);
    }

    /**
     * A config whose positions have three axes: a part of the pairs of dimensions counts time, a part height, a part
     * width.
     *
     * @param interleaved whether neighbouring pairs count different axes; the architecture decides, not config.json
     * @param sections pairs for each axis where config.json does not say it
     */
    public static ModelConfig withAxes(ModelConfig c, boolean interleaved, int... sections) {
        ObjectNode fields = of(c).fields.json().deepCopy();
        fields.put("mrope_interleaved", interleaved);
        if (!fields.has(SECTIONS)) {
            for (int section : sections) {
                fields.withArrayProperty(SECTIONS).add(section);
            }
        }
        ObjectNode changed = c.json().deepCopy();
        changed.set(SCALING, fields);
        return new ModelConfig(changed, c.where());
    }

    private static RopeParameters wholeContext(ModelConfig c) {
        JsonNode parameters = object(c, PARAMETERS);
        if (isNested(parameters) && !parameters.path(FULL).isObject()) {
            throw c.invalid(PARAMETERS, parameters, "must have " + FULL + " to be scaled");
        }
        return isNested(parameters) ? ofFull(c, FULL) : of(c);
    }

    /** Puts parameters where the config has those of layers that attend to the whole context. */
    private static ModelConfig with(ModelConfig config, ModelConfig text, ObjectNode changed, ObjectNode fields) {
        if (isNested(object(text, PARAMETERS))) {
            changed.withObjectProperty(PARAMETERS).set(FULL, fields);
        }
        changed.set(SCALING, fields);
        if (text == config) {
            return new ModelConfig(changed, config.where());
        }
        ObjectNode outer = config.json().deepCopy();
        outer.set(TEXT, changed);
        return new ModelConfig(outer, config.where());
    }

    /** What has the positions: config.json itself, or its text_config. */
    private static ModelConfig textPart(ModelConfig config) {
        return config.has(POSITIONS) || !config.has(TEXT) ? config : config.section(TEXT);
    }
}
