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
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What fine-tuning left: a folder with adapter_config.json and its tensors, as mlx-lm or Hugging Face's PEFT writes
 * them. Changes of low rank to single layers (LoRA, arXiv:2106.09685; DoRA, arXiv:2402.09353), and whole tensors that
 * replace the model's.
 */
public final class Adapter {
    private static final String CONFIG = "adapter_config.json";
    private static final int NAMES_SHOWN_MAX = 8;

    private final Path folder;
    private final AdapterSettings settings;
    private final List<String> parts;
    private final Map<String, MlxArray> tensors = new TreeMap<>();
    private final Map<String, MlxArray> whole = new TreeMap<>();
    /** Layers of the model that could be changed, and those that were. */
    private final Set<String> asked = new TreeSet<>();

    private final Set<String> changed = new TreeSet<>();

    private Adapter(Path folder, AdapterSettings settings) {
        this.folder = folder;
        this.settings = settings;
        this.parts = settings.isDora() ? List.of("lora_a", "lora_b", "m") : List.of("lora_a", "lora_b");
    }

    /**
     * Reads an adapter; its tensors are lazy temporaries of the current scope.
     *
     * @param type floating type that the tensors get; null keeps theirs
     * @throws ModelNotFoundException if the folder or a file in it is missing
     * @throws InvalidRequestException if what it has contradicts itself
     */
    static Adapter load(Path folder, DType type) {
        Path file = existing(folder, CONFIG);
        ModelConfig config = new ModelConfig(JsonFiles.read(file), file.toString());
        Adapter adapter =
                new Adapter(folder, config.has("peft_type") ? new PeftAdapter(config) : new MlxLmAdapter(config));
        String weights = adapter.settings.weightsFile();
        existing(folder, weights);
        Map<String, MlxArray> all = new TreeMap<>();
        Safetensors.load(Safetensors.file(folder, weights)).forEach((name, tensor) -> {
            // as sanitizers do it with the model's own
            String plain = name.startsWith("language_model.") ? name.substring("language_model.".length()) : name;
            boolean cast = type != null && tensor.dtype().isFloating();
            all.put(plain, cast ? Partwise.map(tensor, a -> Ops.astype(a, type)) : tensor);
        });
        adapter.settings.sort(all, adapter.tensors, adapter.whole, adapter);
        adapter.tensors.forEach((name, tensor) -> {
            if (!tensor.dtype().isFloating()) {
                throw adapter.refused("tensor " + name + " has the type " + tensor.dtype());
            }
        });
        if (adapter.tensors.isEmpty() && adapter.whole.isEmpty()) {
            throw adapter.refused("there are no tensors in " + weights);
        }
        return adapter;
    }

    /**
     * Says whether there is an adapter.
     *
     * @throws ModelNotFoundException if not
     */
    public static void check(Path folder) {
        existing(folder, CONFIG);
    }

    private static Path existing(Path folder, String name) {
        for (Path file : List.of(folder, folder.resolve(name))) {
            if (!Files.exists(file)) {
                boolean pickled = Files.exists(folder.resolve("adapter_model.bin"));
                throw new ModelNotFoundException("there is no adapter " + file.toAbsolutePath()
                        + (pickled ? "; adapter_model.bin is not read: save it as safetensors with PEFT" : ""));
            }
        }
        return folder.resolve(name);
    }

    /** Puts tensors that were trained as a whole in the place of the model's. */
    void replace(Map<String, MlxArray> model) {
        List<String> wrong = new ArrayList<>();
        whole.forEach((name, tensor) -> {
            MlxArray old = model.get(name);
            String layer = name.substring(0, Math.max(0, name.lastIndexOf('.')));
            MlxArray scales = name.endsWith(".weight") ? model.get(layer + ".scales") : null;
            if (old == null) {
                wrong.add(name + " is not a tensor of the model");
            } else if (scales != null
                    && tensor.ndim() == old.ndim()
                    && tensor.dtype().isFloating()) {
                // a layer that was quantized and is so no more; its shape is checked when it is asked for
                model.remove(layer + ".scales");
                model.remove(layer + ".biases");
                DType type = scales.dtype();
                model.put(name, type.isFloating() ? Partwise.map(tensor, a -> Ops.astype(a, type)) : tensor);
            } else if (!Arrays.equals(old.shape(), tensor.shape())
                    || old.dtype().isFloating() != tensor.dtype().isFloating()) {
                wrong.add(name + " is " + describe(tensor) + ", the model's is " + describe(old));
            } else {
                DType type = old.dtype();
                model.put(name, Partwise.map(tensor, a -> Ops.astype(a, type)));
            }
        });
        refuseIfAny(wrong);
    }

    /** The change of a layer, or null if there is none. */
    Change change(String layer) {
        asked.add(layer);
        if (!tensors.containsKey(layer + ".lora_a") && !tensors.containsKey(layer + ".lora_b")) {
            return null;
        }
        List<String> missing = parts.stream()
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
                settings.isDora() ? tensors.get(layer + ".m") : null,
                settings.rank(layer),
                settings.scale(layer),
                settings.changesTiedHead());
    }

    /**
     * Says that the model is complete.
     *
     * @throws InvalidRequestException if there are tensors for what the model does not have or the config does not
     *     name, or none where the config says that there must be
     */
    void checkComplete() {
        Set<String> expected = settings.expected(asked, changed);
        List<String> unexpected = new ArrayList<>();
        for (String name : tensors.keySet()) {
            int dot = name.lastIndexOf('.');
            boolean known = dot > 0 && parts.contains(name.substring(dot + 1));
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
     * @param tiedHead whether the change of an embedding is one of the head that shares its matrix, too
     */
    public record Change(
            Adapter adapter,
            String layer,
            MlxArray a,
            MlxArray b,
            MlxArray magnitude,
            int rank,
            double scale,
            boolean tiedHead) {

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
