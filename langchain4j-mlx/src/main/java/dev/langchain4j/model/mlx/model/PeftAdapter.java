package dev.langchain4j.model.mlx.model;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;

/**
 * An adapter_config.json of Hugging Face's PEFT: LoRA and DoRA, with modules that were trained as a whole beside them.
 * Source: PEFT's {@code tuners/lora/config.py} and {@code layer.py}.
 */
final class PeftAdapter implements AdapterSettings {
    private static final Pattern PART = Pattern.compile(
            "(.+)\\.(lora_A|lora_B|lora_embedding_A|lora_embedding_B|lora_magnitude_vector)(\\.\\w+?)??(\\.weight)?");
    private static final String ROOT = "base_model.model.";
    private static final Pattern EXPERT = Pattern.compile("(.+)\\.experts\\.(\\d{1,5})\\.(\\w+)");
    private static final Map<String, String> EXPERT_PARTS =
            Map.of("w1", "gate_proj", "w2", "down_proj", "w3", "up_proj");

    /** Fields that, if they say anything, change what a model computes in ways that are not read here. */
    private static final List<String> OTHER_WAYS = List.of(
            "lora_bias",
            "use_qalora",
            "alora_invocation_tokens",
            "target_parameters",
            "trainable_token_indices",
            "layer_replication");

    /** Ways to begin that also change the matrices of the model itself. */
    private static final Set<String> OTHER_BEGINNINGS = Set.of("pissa", "olora", "corda", "loftq", "lora_ga");

    private final ModelConfig config;
    private final boolean dora;
    private final boolean rootOfRank;
    private final boolean tiedHead;
    private final Map<Pattern, Double> ranks;
    private final Map<Pattern, Double> alphas;
    private final List<String> targets;
    private final List<String> excluded;
    private final List<String> saved;
    private final Set<Integer> layers;
    /** The names that layers have in PEFT, which expressions are for: several where experts are stacked. */
    private final Map<String, Set<String>> modules = new TreeMap<>();

    PeftAdapter(ModelConfig config) {
        this.config = config;
        String type = config.text("peft_type");
        if (!type.equals("LORA")) {
            throw config.invalid("peft_type", type, "must be LORA");
        }
        for (String field : OTHER_WAYS) {
            JsonNode value = config.json().path(field);
            boolean off = value.isMissingNode() || value.isNull() || value.isBoolean() && !value.asBoolean();
            if (!off && !(value.isContainerNode() && value.isEmpty())) {
                throw config.invalid(
                        field, value, "is not supported: merge the adapter with PEFT, and convert the model");
            }
        }
        String beginning = config.json().path("init_lora_weights").asText().toLowerCase(Locale.ROOT);
        if (OTHER_BEGINNINGS.stream().anyMatch(beginning::startsWith)) {
            throw config.invalid(
                    "init_lora_weights", beginning, "changes the model, too: convert the adapter to LoRA with PEFT");
        }
        this.dora = config.flag("use_dora", false);
        this.rootOfRank = config.flag("use_rslora", false);
        this.tiedHead = config.flag("ensure_weight_tying", false);
        config.count("r");
        config.number("lora_alpha");
        this.ranks = patterns("rank_pattern");
        this.alphas = patterns("alpha_pattern");
        this.targets = names("target_modules");
        this.excluded = names("exclude_modules");
        this.saved = names("modules_to_save");
        this.layers = new TreeSet<>();
        double[] indices = config.numbers("layers_to_transform");
        for (double index : indices == null ? new double[0] : indices) {
            layers.add((int) index);
        }
    }

    /** Names of layers; null where an expression stands for them. */
    private List<String> names(String field) {
        JsonNode value = config.json().path(field);
        return value.isTextual() ? null : value.isMissingNode() || value.isNull() ? List.of() : config.texts(field);
    }

    private Map<Pattern, Double> patterns(String field) {
        Map<Pattern, Double> patterns = new LinkedHashMap<>();
        ModelConfig section = config.section(field);
        if (section == null) {
            return patterns;
        }
        section.json().properties().forEach(e -> {
            try {
                Pattern pattern = Pattern.compile("(.*\\.)?(" + e.getKey() + ")");
                double value = section.number(e.getKey());
                if (value <= 0) {
                    throw section.invalid(e.getKey(), value, "must be more than 0");
                }
                patterns.put(pattern, value);
            } catch (PatternSyntaxException wrong) {
                throw config.invalid(field, e.getKey(), "must be names of layers or regular expressions");
            }
        });
        return patterns;
    }

    /** The value of the first expression that is for a layer, which is one for all experts of a stack. */
    private double of(Map<Pattern, Double> patterns, String layer, double otherwise) {
        Set<Double> values = new TreeSet<>();
        for (String module : modules.getOrDefault(layer, Set.of(layer))) {
            values.add(patterns.entrySet().stream()
                    .filter(e -> e.getKey().matcher(new BoundedText(module)).matches())
                    .map(Map.Entry::getValue)
                    .findFirst()
                    .orElse(otherwise));
        }
        if (values.size() > 1) {
            throw config.invalid(
                    "rank_pattern or alpha_pattern", values, "must be the same for all experts of " + layer);
        }
        return values.iterator().next();
    }

    /** A name that ends the search of an expression that would go on for years. */
    private final class BoundedText implements CharSequence {
        private static final int LOOKS_MAX = 100_000;

        private final String text;
        private int looks;

        BoundedText(String text) {
            this.text = text;
        }

        @Override
        public char charAt(int index) {
            if (++looks > LOOKS_MAX) {
                throw config.invalid(
                        "rank_pattern or alpha_pattern", config.json().path("alpha_pattern"), "takes too long");
            }
            return text.charAt(index);
        }

        @Override
        public int length() {
            return text.length();
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return text.substring(start, end);
        }

        @Override
        public String toString() {
            return text;
        }
    }

    @Override
    public String weightsFile() {
        return "adapter_model.safetensors";
    }

    @Override
    public boolean isDora() {
        return dora;
    }

    @Override
    public int rank(String layer) {
        return (int) of(ranks, layer, config.count("r"));
    }

    @Override
    public double scale(String layer) {
        double rank = rank(layer);
        return of(alphas, layer, config.number("lora_alpha")) / (rootOfRank ? Math.sqrt(rank) : rank);
    }

    @Override
    public boolean changesTiedHead() {
        return tiedHead;
    }

    @Override
    public void sort(
            Map<String, MlxArray> tensors,
            Map<String, MlxArray> changes,
            Map<String, MlxArray> whole,
            Adapter adapter) {
        Map<String, Map<Integer, MlxArray>> experts = new TreeMap<>();
        tensors.forEach((given, tensor) -> {
            String name = plain(given);
            Matcher part = PART.matcher(name);
            if (TextPart.isOther(name)) {
                return;
            }
            if (!part.matches()) {
                whole.put(saved(name, adapter), tensor);
                return;
            }
            String layer = part.group(1);
            String kind = part.group(2);
            boolean magnitude = kind.equals("lora_magnitude_vector");
            if (magnitude == (tensor.ndim() == 2) || tensor.ndim() > 2) {
                throw adapter.refused("tensor " + given + " has " + tensor.ndim() + " dimensions");
            }
            if (kind.startsWith("lora_embedding") && dora) {
                throw adapter.refused(layer + " is an embedding, for which DoRA is not supported");
            }
            String suffix = magnitude ? ".m" : kind.endsWith("A") ? ".lora_a" : ".lora_b";
            Matcher expert = EXPERT.matcher(layer);
            if (expert.matches()) {
                String projection = EXPERT_PARTS.getOrDefault(expert.group(3), expert.group(3));
                String stacked = expert.group(1) + ".switch_mlp." + projection;
                experts.computeIfAbsent(stacked + suffix, n -> new TreeMap<>())
                        .put(Integer.parseInt(expert.group(2)), tensor);
                modules.computeIfAbsent(stacked, n -> new TreeSet<>()).add(module(given));
            } else {
                modules.computeIfAbsent(layer, n -> new TreeSet<>()).add(module(given));
                changes.put(layer + suffix, magnitude ? tensor : Indexing.transpose(tensor, 1, 0));
            }
        });
        experts.forEach((name, each) -> changes.put(name, stacked(name, each, adapter)));
    }

    private static MlxArray stacked(String name, Map<Integer, MlxArray> each, Adapter adapter) {
        List<MlxArray> all = new ArrayList<>();
        for (Map.Entry<Integer, MlxArray> e : each.entrySet()) {
            boolean fits = Arrays.equals(
                    e.getValue().shape(), each.values().iterator().next().shape());
            if (e.getKey() != all.size() || !fits) {
                throw adapter.refused(name + " of expert " + all.size() + " is missing or has another shape");
            }
            all.add(e.getValue());
        }
        return Indexing.stack(0, all.toArray(MlxArray[]::new));
    }

    /** The name of a module in the model that was trained. */
    private static String module(String tensor) {
        Matcher part = PART.matcher(tensor);
        String name = part.matches() ? part.group(1) : tensor;
        return name.startsWith(ROOT) ? name.substring(ROOT.length()) : name;
    }

    /** The name of a module in the language model, as folders have it. */
    private static String plain(String name) {
        String plain = name.startsWith(ROOT) ? name.substring(ROOT.length()) : name;
        if (plain.startsWith("model.language_model.")) {
            return "model." + plain.substring("model.language_model.".length());
        }
        if (plain.startsWith("language_model.")) {
            return plain.substring("language_model.".length());
        }
        return plain.matches("(layers|embed_tokens|norm)\\..*") ? "model." + plain : plain;
    }

    /** The name of a tensor that was trained as a whole. */
    private String saved(String name, Adapter adapter) {
        if (name.matches(".*norm[^.]*\\.weight")) {
            throw adapter.refused(
                    name + " is a norm, which adapters store in different forms: merge the adapter with PEFT");
        }
        return name.replaceFirst("\\.modules_to_save(\\.\\w+)??\\.(weight|bias)$", ".$2")
                .replaceFirst("\\.base_layer\\.", ".");
    }

    @Override
    public Set<String> expected(Set<String> all, Set<String> changed) {
        Set<String> expected = new TreeSet<>(changed);
        if (targets == null || excluded == null || saved == null) {
            return expected;
        }
        List<String> without = Stream.concat(excluded.stream(), saved.stream()).toList();
        for (String layer : all) {
            boolean chosen = layers.isEmpty() || layers.contains(AdapterSettings.layerOf(layer));
            if (chosen && !layer.contains(".switch_mlp.") && isNamed(layer, targets) && !isNamed(layer, without)) {
                expected.add(layer);
            }
        }
        return expected;
    }

    private static boolean isNamed(String layer, List<String> names) {
        return names.stream().anyMatch(name -> layer.equals(name) || layer.endsWith("." + name));
    }
}
