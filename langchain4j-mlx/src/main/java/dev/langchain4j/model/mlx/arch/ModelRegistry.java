package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.vision.VisionTower;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** The architectures by model_type. The only class that names them. */
public final class ModelRegistry {

    /** Builds a model over weights that fit its config. */
    interface Factory {
        LanguageModel create(ModelConfig config, Weights weights);
    }

    /** Builds a vision tower over weights that fit its config. */
    interface TowerFactory {
        VisionTower create(ModelConfig config, Weights weights);
    }

    /**
     * What is known of an architecture.
     *
     * @param factory builds it
     * @param sanitizer brings the tensors of a raw folder into the form that the factory asks for
     * @param turns whether its attention has rotary positions where it has attention; some have none, though their
     *     config.json may have rope_theta
     * @param tower builds its vision tower; null if it has none
     * @param towerSanitizer the sanitizer of the tower's tensors, which come as {@link TextPart#takeTower} names them
     * @param towerType the only model_type of vision_config that is built, where families differ in it; null for any
     */
    record Architecture(
            Factory factory,
            Sanitizer sanitizer,
            boolean turns,
            TowerFactory tower,
            Sanitizer towerSanitizer,
            String towerType) {
        Architecture(Factory factory, Sanitizer sanitizer) {
            this(factory, sanitizer, true);
        }

        Architecture(Factory factory, Sanitizer sanitizer, boolean turns) {
            this(factory, sanitizer, turns, null, Sanitizer.PLAIN, null);
        }

        /** The same with a vision tower. */
        Architecture seeing(TowerFactory tower, Sanitizer towerSanitizer) {
            return new Architecture(factory, sanitizer, turns, tower, towerSanitizer, null);
        }

        /** The same, which sees only through a tower of this type; with another one its text works. */
        Architecture through(String towerType) {
            return new Architecture(factory, sanitizer, turns, tower, towerSanitizer, towerType);
        }

        /** Whether the tower of a folder with this config can be built. */
        boolean sees(ModelConfig config) {
            return tower != null
                    && TextPart.hasTower(config)
                    && (towerType == null
                            || config.section("vision_config")
                                    .text("model_type", towerType)
                                    .equals(towerType));
        }
    }

    private static final Map<String, Architecture> ARCHITECTURES = new TreeMap<>();

    static {
        ARCHITECTURES.put("apertus", new Architecture(Apertus::create, Sanitizer.UNTIED.and(Apertus::sanitize)));
        ARCHITECTURES.put(
                "bailing_moe", new Architecture(BailingMoe::create, Sanitizer.UNTIED.and(BailingMoe::sanitize)));
        ARCHITECTURES.put("cohere", new Architecture(Cohere::create, Sanitizer.PLAIN));
        ARCHITECTURES.put("cohere2", new Architecture(Cohere2::create, Sanitizer.PLAIN));
        ARCHITECTURES.put(
                "deepseek_v2", new Architecture(DeepseekV2::create, Sanitizer.PLAIN.and(DeepseekV2::sanitize)));
        ARCHITECTURES.put(
                "deepseek_v3", new Architecture(DeepseekV3::create, Sanitizer.PLAIN.and(DeepseekV3::sanitizeWithHead)));
        ARCHITECTURES.put(
                "deepseek_v32", new Architecture(DeepseekV32::create, Sanitizer.PLAIN.and(DeepseekV3::sanitize)));
        ARCHITECTURES.put("dots1", new Architecture(Dots1::create, Sanitizer.UNTIED.and(Dots1::sanitize)));
        ARCHITECTURES.put("ernie4_5", new Architecture(Llama::ernie45, Sanitizer.TIED));
        ARCHITECTURES.put(
                "ernie4_5_moe", new Architecture(Ernie45Moe::create, Sanitizer.TIED.and(Ernie45Moe::sanitize)));
        ARCHITECTURES.put("exaone", new Architecture(Exaone::create, Sanitizer.TIED));
        ARCHITECTURES.put("exaone4", new Architecture(Exaone4::create, Sanitizer.UNTIED));
        ARCHITECTURES.put("falcon_h1", new Architecture(FalconH1::create, Sanitizer.TIED.and(FalconH1::sanitize)));
        ARCHITECTURES.put("gemma", new Architecture(Gemma::create, Sanitizer.PLAIN.and(Gemma2::sanitize)));
        ARCHITECTURES.put("gemma2", new Architecture(Gemma2::create, Gemma2::sanitize));
        ARCHITECTURES.put(
                "gemma3",
                new Architecture(Gemma3::create, Sanitizer.PLAIN.and(Gemma3::sanitize))
                        .seeing(Gemma3::tower, Gemma3::sanitizeTower));
        ARCHITECTURES.put("gemma3_text", new Architecture(Gemma3Text::create, Sanitizer.PLAIN));
        ARCHITECTURES.put("gemma3n", new Architecture(Gemma3n::create, Sanitizer.PLAIN.and(Gemma3n::sanitize)));
        ARCHITECTURES.put(
                "gemma4",
                new Architecture(Gemma4::create, Sanitizer.PLAIN.and(Gemma4::sanitize))
                        .seeing(Gemma4::tower, Sanitizer.PLAIN)
                        .through("gemma4_vision"));
        ARCHITECTURES.put(
                "gemma4_text", new Architecture(Gemma4Text::create, Sanitizer.TIED.and(Gemma4Text::sanitize)));
        ARCHITECTURES.put("glm4", new Architecture(Glm4::create, Sanitizer.PLAIN));
        ARCHITECTURES.put("glm4_moe", new Architecture(Glm4Moe::create, Glm4Moe::sanitize));
        ARCHITECTURES.put(
                "glm4_moe_lite", new Architecture(Glm4MoeLite::create, Sanitizer.PLAIN.and(Glm4MoeLite::sanitize)));
        ARCHITECTURES.put(
                "glm_moe_dsa", new Architecture(DeepseekV32::glmMoeDsa, Sanitizer.PLAIN.and(DeepseekV3::sanitize)));
        ARCHITECTURES.put("gpt_oss", new Architecture(GptOss::create, GptOss::sanitize));
        ARCHITECTURES.put("granite", new Architecture(Granite::create, Sanitizer.TIED));
        ARCHITECTURES.put(
                "granitemoehybrid",
                new Architecture(GraniteMoeHybrid::create, Sanitizer.TIED.and(GraniteMoeHybrid::sanitize)));
        ARCHITECTURES.put("hunyuan_v1_dense", new Architecture(HunyuanV1Dense::create, Sanitizer.UNTIED));
        ARCHITECTURES.put(
                "idefics3",
                new Architecture(Idefics3::create, Sanitizer.PLAIN.and(Idefics3::sanitize))
                        .seeing(Idefics3::tower, Idefics3::sanitizeTower));
        ARCHITECTURES.put("internlm2", new Architecture(InternLm2::create, Sanitizer.PLAIN.and(InternLm2::sanitize)));
        ARCHITECTURES.put("internlm3", new Architecture(Llama::internlm3, Sanitizer.UNTIED));
        ARCHITECTURES.put(
                "kimi_linear", new Architecture(KimiLinear::create, Sanitizer.UNTIED.and(KimiLinear::sanitize), false));
        ARCHITECTURES.put("laguna", new Architecture(Laguna::create, Sanitizer.PLAIN.and(Laguna::sanitize)));
        ARCHITECTURES.put("lfm2", new Architecture(Lfm2::create, Lfm2::sanitize));
        ARCHITECTURES.put("lfm2_moe", new Architecture(Lfm2Moe::create, Lfm2Moe::sanitize));
        ARCHITECTURES.put("llama", new Architecture(Llama::llama, Sanitizer.TIED));
        ARCHITECTURES.put(
                "llava",
                new Architecture(Mistral3::create, Sanitizer.PLAIN.and(Mistral3::sanitize))
                        .seeing(PixtralVision::llava, PixtralVision::sanitize)
                        .through("pixtral"));
        ARCHITECTURES.put(
                "longcat_flash", new Architecture(LongcatFlash::create, Sanitizer.PLAIN.and(LongcatFlash::sanitize)));
        ARCHITECTURES.put("mamba2", new Architecture(Mamba2::create, Mamba2::sanitize));
        ARCHITECTURES.put("mimo", new Architecture(Llama::mimo, Sanitizer.UNTIED.and(Llama::sanitizeMimo)));
        ARCHITECTURES.put("minimax_m2", new Architecture(MinimaxM2::create, Sanitizer.UNTIED.and(MinimaxM2::sanitize)));
        ARCHITECTURES.put("ministral3", new Architecture(Ministral3::create, Sanitizer.TIED.and(Ministral3::sanitize)));
        ARCHITECTURES.put(
                "mistral3",
                new Architecture(Mistral3::create, Sanitizer.PLAIN.and(Mistral3::sanitize))
                        .seeing(PixtralVision::mistral3, PixtralVision::sanitize)
                        .through("pixtral"));
        ARCHITECTURES.put("mixtral", new Architecture(Mixtral::create, Sanitizer.UNTIED.and(Mixtral::sanitize)));
        ARCHITECTURES.put("nemotron", new Architecture(Nemotron::create, Sanitizer.UNTIED));
        ARCHITECTURES.put(
                "nemotron_h", new Architecture(NemotronH::create, Sanitizer.PLAIN.and(NemotronH::sanitize), false));
        ARCHITECTURES.put("olmo2", new Architecture(Olmo2::create, Sanitizer.TIED));
        ARCHITECTURES.put("olmo3", new Architecture(Olmo2::olmo3, Sanitizer.UNTIED));
        ARCHITECTURES.put("olmoe", new Architecture(Olmoe::create, Sanitizer.TIED.and(Olmoe::sanitize)));
        ARCHITECTURES.put("phi", new Architecture(Phi::create, Sanitizer.PLAIN));
        ARCHITECTURES.put("phi3", new Architecture(Phi3::create, Sanitizer.UNTIED));
        ARCHITECTURES.put("phimoe", new Architecture(PhiMoe::create, Sanitizer.PLAIN.and(PhiMoe::sanitize)));
        ARCHITECTURES.put("qwen2", new Architecture(Llama::qwen2, Sanitizer.TIED));
        ARCHITECTURES.put("qwen2_moe", new Architecture(Qwen2Moe::create, Sanitizer.PLAIN.and(Qwen3Moe::sanitize)));
        ARCHITECTURES.put(
                "qwen2_5_vl",
                new Architecture(Qwen25Vl::create, Sanitizer.PLAIN.and(Qwen25Vl::sanitize))
                        .seeing(Qwen25Vision::create, Sanitizer.PLAIN.and(Qwen25Vision::sanitize)));
        ARCHITECTURES.put("qwen3", new Architecture(Llama::qwen3, Sanitizer.TIED));
        ARCHITECTURES.put(
                "qwen3_5",
                new Architecture(Qwen35::create, Sanitizer.PLAIN.and(Qwen35::sanitize))
                        .seeing(Qwen3Vision::createOfLast, Sanitizer.PLAIN.and(Qwen3Vision::sanitize)));
        ARCHITECTURES.put(
                "qwen3_5_moe",
                new Architecture(Qwen35::create, Sanitizer.PLAIN.and(Qwen35Moe::sanitize))
                        .seeing(Qwen3Vision::createOfLast, Sanitizer.PLAIN.and(Qwen3Vision::sanitize)));
        ARCHITECTURES.put("qwen3_moe", new Architecture(Qwen3Moe::create, Sanitizer.TIED.and(Qwen3Moe::sanitize)));
        ARCHITECTURES.put("qwen3_next", new Architecture(Qwen3Next::create, Sanitizer.UNTIED.and(Qwen3Next::sanitize)));
        ARCHITECTURES.put(
                "qwen3_vl",
                new Architecture(Qwen3Vl::create, Sanitizer.PLAIN.and(Qwen3Vl::sanitize))
                        .seeing(Qwen3Vision::create, Sanitizer.PLAIN.and(Qwen3Vision::sanitize)));
        ARCHITECTURES.put(
                "qwen3_vl_moe",
                new Architecture(Qwen3Vl::createMoe, Sanitizer.PLAIN.and(Qwen3Vl::sanitizeMoe))
                        .seeing(Qwen3Vision::create, Sanitizer.PLAIN.and(Qwen3Vision::sanitize)));
        ARCHITECTURES.put("seed_oss", new Architecture(Llama::seedOss, Sanitizer.TIED));
        ARCHITECTURES.put("smollm3", new Architecture(Llama::smollm3, Sanitizer.TIED));
        ARCHITECTURES.put("stablelm", new Architecture(StableLm::create, Sanitizer.PLAIN));
        ARCHITECTURES.put("starcoder2", new Architecture(Starcoder2::create, Sanitizer.TIED));
        ARCHITECTURES.put("step3p5", new Architecture(Step3p5::create, Sanitizer.PLAIN.and(Step3p5::sanitize)));
    }

    /** Those whose layers all know how to be split over ranks. */
    private static final Set<String> SPLIT = Set.of(
            "deepseek_v3",
            "glm4_moe",
            "gpt_oss",
            "llama",
            "mistral",
            "qwen2",
            "qwen3",
            "qwen3_5",
            "qwen3_5_moe",
            "qwen3_moe",
            "qwen3_next");

    /** Those whose layers share what they keep with one another, so that they have to be in one place. */
    private static final Set<String> TOGETHER = Set.of("gemma3n", "gemma4", "gemma4_text");

    /** Those whose attention has no fused kernel on any device: it reads latent vectors, or caps its scores. */
    private static final Set<String> SCORES = Set.of(
            "deepseek_v2",
            "deepseek_v3",
            "deepseek_v32",
            "gemma2",
            "glm4_moe_lite",
            "glm_moe_dsa",
            "kimi_linear",
            "longcat_flash");

    /** Other names of the same thing, as mlx-lm's loader maps them. */
    private static final Map<String, String> ALIASES = Map.ofEntries(
            Map.entry("gemma4_unified", "gemma4"),
            Map.entry("mistral", "llama"),
            Map.entry("pixtral", "llava"),
            Map.entry("smolvlm", "idefics3"),
            Map.entry("iquestcoder", "llama"),
            Map.entry("xverse", "llama"),
            Map.entry("joyai_llm_flash", "deepseek_v3"),
            Map.entry("kimi_k2", "deepseek_v3"),
            Map.entry("qwen2_vl_text", "qwen2"),
            Map.entry("qwen2_5_vl_text", "qwen2"),
            Map.entry("qwen3_vl_text", "qwen3"));

    /** How the language model inside of a model that sees is called where it stands alone. */
    private static final String TEXT = "_text";

    private ModelRegistry() {}

    /** All names that {@link #find} knows. */
    public static Set<String> modelTypes() {
        Set<String> all = new TreeSet<>(ARCHITECTURES.keySet());
        ALIASES.forEach((alias, target) -> {
            if (ARCHITECTURES.containsKey(target)) {
                all.add(alias);
            }
        });
        return all;
    }

    /** The architecture's own name for what may be an alias. */
    public static String canonical(String modelType) {
        if (ARCHITECTURES.containsKey(modelType)) {
            return modelType;
        }
        String alias = ALIASES.get(modelType);
        if (alias != null || !modelType.endsWith(TEXT)) {
            return alias == null ? modelType : alias;
        }
        String base = canonical(modelType.substring(0, modelType.length() - TEXT.length()));
        return ARCHITECTURES.containsKey(base + TEXT)
                ? base + TEXT
                : ARCHITECTURES.containsKey(base) ? base : modelType;
    }

    /** Whether there is an architecture for this config. */
    public static boolean knows(ModelConfig config) {
        return ARCHITECTURES.containsKey(canonical(config.modelType()));
    }

    /**
     * Refuses a config whose architecture nobody knows.
     *
     * @throws InvalidRequestException with those that are known
     */
    public static void check(ModelConfig config) {
        find(config);
    }

    /**
     * Refuses a config whose architecture cannot be split over ranks.
     *
     * @throws InvalidRequestException with those that can
     */
    public static void checkSplits(ModelConfig config) {
        if (!SPLIT.contains(canonical(config.modelType()))) {
            throw new InvalidRequestException("model_type (" + config.modelType() + ") in " + config.where()
                    + " cannot be split over ranks; it must be one of " + String.join(", ", new TreeSet<>(SPLIT)));
        }
    }

    /**
     * Whether each rank can have some heads of the layers: the architecture can be split, and so many ranks can have as
     * many heads each.
     */
    public static boolean dividesHeads(ModelConfig config, int ranks) {
        ModelConfig text = config.has("text_config") ? config.section("text_config") : config;
        int heads = text.integer("num_attention_heads", ranks);
        return SPLIT.contains(canonical(config.modelType())) && heads % ranks == 0;
    }

    /**
     * Refuses a config whose layers cannot be shared out over ranks.
     *
     * @throws InvalidRequestException with the architectures whose layers cannot
     */
    public static void checkStages(ModelConfig config) {
        find(config);
        if (TOGETHER.contains(canonical(config.modelType()))) {
            throw new InvalidRequestException("model_type (" + config.modelType() + ") in " + config.where()
                    + " cannot be split over ranks, neither by tensors nor by layers: the layers of "
                    + String.join(", ", new TreeSet<>(TOGETHER)) + " share their keys and values");
        }
    }

    /** Whether layers store attention scores whatever the device, the type and the size of heads. */
    public static boolean storesScores(ModelConfig config) {
        ModelConfig text = config.has("text_config") ? config.section("text_config") : config;
        return SCORES.contains(canonical(text.modelType()));
    }

    /**
     * A config whose positions are scaled as somebody wants it; see {@link RopeParameters#scaled}.
     *
     * @throws InvalidRequestException if the model has no rotary positions, or scales them in another way
     */
    public static ModelConfig scaled(ModelConfig config, String type, double factor, Integer original) {
        if (!find(config).turns) {
            throw new InvalidRequestException("ropeScaling (" + type + " by " + factor
                    + ") needs a model with rotary positions, which " + config.modelType() + " does not have");
        }
        return RopeParameters.scaled(config, type, factor, original);
    }

    static Architecture find(ModelConfig config) {
        String type = config.modelType();
        Architecture found = ARCHITECTURES.get(canonical(type));
        if (found == null) {
            throw new InvalidRequestException("model_type (" + type + ") in " + config.where() + " must be one of "
                    + String.join(", ", modelTypes()));
        }
        return found;
    }
}
