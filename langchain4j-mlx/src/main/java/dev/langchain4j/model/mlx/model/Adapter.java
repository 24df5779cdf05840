package dev.langchain4j.model.mlx.model;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Safetensors;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What fine-tuning with mlx-lm left: a folder with adapter_config.json and adapters.safetensors. Either changes of low rank
 * to single layers (LoRA, arXiv:2106.09685; DoRA, arXiv:2402.09353), or whole tensors that replace the model's. Source:
 * mlx-lm's {@code tuner/utils.py}.
 */
public final class Adapter {
    private static final String CONFIG = "adapter_config.json";
    private static final String WEIGHTS = "adapters.safetensors";
    private static final Pattern IN_LAYER = Pattern.compile(".*?layers\\.(\\d{1,6})\\.(.+)");
    private static final int NAMES_SHOWN_MAX = 8;

    /** How the adapter was trained. */
    private enum Kind {
        LORA("lora_a", "lora_b"),
        DORA("lora_a", "lora_b", "m"),
        FULL;

        private final List<String> parts;

        Kind(String... parts) {
            this.parts = List.of(parts);
        }
    }

    private final Path folder;
    private final Kind kind;
    private final Set<String> keys;
    private final int lastLayers;
    private final int rank;
    private final double scale;
    private final Map<String, MlxArray> tensors = new TreeMap<>();
    /** Layers of the model that could be changed, and those that were. */
    private final Set<String> asked = new TreeSet<>();

    private final Set<String> changed = new TreeSet<>();

    private Adapter(Path folder, ModelConfig config) {
        this.folder = folder;
        String type = config.text("fine_tune_type", "lora");
        this.kind = switch (type) {
            case "lora" -> Kind.LORA;
            case "dora" -> Kind.DORA;
            case "full" -> Kind.FULL;
            default -> throw config.invalid("fine_tune_type", type, "must be lora, dora or full");
        };
        if (kind == Kind.FULL) {
            this.keys = null;
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

    /**
     * Reads an adapter; its tensors are lazy temporaries of the current scope.
     *
     * @param type floating type that the tensors get; null keeps theirs
     * @throws ModelNotFoundException if the folder or a file in it is missing
     * @throws InvalidRequestException if what it has contradicts itself
     */
    static Adapter load(Path folder, DType type) {
        for (Path file : List.of(folder, folder.resolve(CONFIG), folder.resolve(WEIGHTS))) {
            if (!Files.exists(file)) {
                throw new ModelNotFoundException("there is no adapter " + file.toAbsolutePath());
            }
        }
        Path file = folder.resolve(CONFIG);
        Adapter adapter = new Adapter(folder, new ModelConfig(JsonFiles.read(file), file.toString()));
        Safetensors.load(Safetensors.file(folder, WEIGHTS)).forEach((name, tensor) -> {
            if (!tensor.dtype().isFloating() && adapter.kind != Kind.FULL) {
                throw adapter.refused("tensor " + name + " has the type " + tensor.dtype());
            }
            // as sanitizers do it with the model's own
            String plain = name.startsWith("language_model.") ? name.substring("language_model.".length()) : name;
            boolean cast = type != null && tensor.dtype().isFloating();
            adapter.tensors.put(plain, cast ? Ops.astype(tensor, type) : tensor);
        });
        if (adapter.tensors.isEmpty()) {
            throw adapter.refused("there are no tensors in " + WEIGHTS);
        }
        return adapter;
    }

    /** Puts the tensors of a full fine-tuning in the place of the model's. */
    void replace(Map<String, MlxArray> model) {
        if (kind != Kind.FULL) {
            return;
        }
        List<String> wrong = new ArrayList<>();
        tensors.forEach((name, tensor) -> {
            MlxArray old = model.get(name);
            if (old == null) {
                wrong.add(name + " is no tensor of the model");
            } else if (!Arrays.equals(old.shape(), tensor.shape())
                    || old.dtype().isFloating() != tensor.dtype().isFloating()) {
                wrong.add(name + " is " + describe(tensor) + ", the model's is " + describe(old));
            } else {
                model.put(name, tensor);
            }
        });
        refuseIfAny(wrong);
    }

    /** The change of a layer, or null if there is none. */
    Change change(String layer) {
        asked.add(layer);
        if (kind == Kind.FULL || !tensors.containsKey(layer + ".lora_a") && !tensors.containsKey(layer + ".lora_b")) {
            return null;
        }
        List<String> missing = kind.parts.stream()
                .map(part -> layer + "." + part)
                .filter(name -> !tensors.containsKey(name))
                .toList();
        if (!missing.isEmpty()) {
            throw refused("these tensors are missing: " + names(missing));
        }
        changed.add(layer);
        return new Change(
                this,
                layer,
                tensors.get(layer + ".lora_a"),
                tensors.get(layer + ".lora_b"),
                kind == Kind.DORA ? tensors.get(layer + ".m") : null,
                rank,
                scale);
    }

    /**
     * Says that the model is complete.
     *
     * @throws InvalidRequestException if there are tensors for what the model does not have or the config does not name, or
     *     none where the config says that there must be
     */
    void checkComplete() {
        if (kind == Kind.FULL) {
            return;
        }
        int layers = asked.stream().mapToInt(Adapter::layerOf).max().orElse(-1) + 1;
        int first = lastLayers <= 0 ? 0 : Math.max(0, layers - lastLayers);
        Set<String> parts = keys != null ? keys : partsThatAreChanged();
        Set<String> expected = new TreeSet<>();
        for (String layer : asked) {
            Matcher m = IN_LAYER.matcher(layer);
            boolean inside = m.matches() && layerOf(layer) >= first && parts.contains(m.group(2));
            if (inside || parts.contains(layer)) {
                expected.add(layer);
            }
        }
        List<String> unexpected = new ArrayList<>();
        for (String name : tensors.keySet()) {
            int dot = name.lastIndexOf('.');
            boolean known = dot > 0 && kind.parts.contains(name.substring(dot + 1));
            if (!known || !expected.contains(name.substring(0, dot))) {
                unexpected.add(name);
            }
        }
        if (!unexpected.isEmpty()) {
            throw refused(
                    "these tensors belong to no layer that " + CONFIG + " and the model have: " + names(unexpected));
        }
        expected.removeAll(changed);
        if (!expected.isEmpty()) {
            throw refused("these layers have no tensors, but " + CONFIG + " says so: " + names(expected));
        }
    }

    private Set<String> partsThatAreChanged() {
        Set<String> parts = new HashSet<>();
        for (String layer : changed) {
            Matcher m = IN_LAYER.matcher(layer);
            parts.add(m.matches() ? m.group(2) : layer);
        }
        return parts;
    }

    private static int layerOf(String name) {
        Matcher m = IN_LAYER.matcher(name);
        return m.matches() ? Integer.parseInt(m.group(1)) : -1;
    }

    private void refuseIfAny(List<String> wrong) {
        if (!wrong.isEmpty()) {
            throw refused(names(wrong));
        }
    }

    InvalidRequestException refused(String why) {
        return new InvalidRequestException("the adapter in " + folder + " does not fit the model: " + why);
    }

    private static String describe(MlxArray tensor) {
        return tensor.dtype() + Arrays.toString(tensor.shape());
    }

    private static String names(Collection<String> all) {
        String some = String.join(", ", all.stream().limit(NAMES_SHOWN_MAX).toList());
        return all.size() > NAMES_SHOWN_MAX ? some + ", ... (" + all.size() + " in all)" : some;
    }

    /**
     * A change of low rank to one layer.
     *
     * @param a the way down to {@code rank} dimensions
     * @param b the way back up
     * @param magnitude lengths that the rows of the changed matrix get (DoRA); null to leave them as they are
     * @param scale what the change is multiplied by
     */
    public record Change(
            Adapter adapter, String layer, MlxArray a, MlxArray b, MlxArray magnitude, int rank, double scale) {

        /** Checks the shapes of {@link #a}, {@link #b} and {@link #magnitude}. */
        public Change checked(int[] ofA, int[] ofB, int ofMagnitude) {
            check("lora_a", a, ofA);
            check("lora_b", b, ofB);
            if (magnitude != null) {
                check("m", magnitude, ofMagnitude);
            }
            return this;
        }

        private void check(String part, MlxArray tensor, int... shape) {
            if (!Arrays.equals(tensor.shape(), shape)) {
                throw adapter.refused(
                        "tensor " + layer + "." + part + " has the shape " + Arrays.toString(tensor.shape())
                                + ", but the model and the rank imply " + Arrays.toString(shape));
            }
        }

        /** The failure of a layer that cannot be changed like this. */
        public InvalidRequestException refused(String why) {
            return adapter.refused(layer + " " + why);
        }
    }
}
