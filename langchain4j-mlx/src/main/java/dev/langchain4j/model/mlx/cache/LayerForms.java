package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.Internal;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.kv.ArrayForm;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a model's layers keep: for each of their arrays the element type and the dimensions, but for those that grow
 * with the tokens. An empty layer takes arrays of any form, so what comes from a file is compared with this before.
 * Immutable.
 */
@Internal
public final class LayerForms {
    /** Nothing is known, and everything fits. */
    static final LayerForms UNKNOWN = new LayerForms(List.of());

    /** A dimension that grows. */
    private static final int OPEN = -1;

    /** By layer and slot; null for an array that is not there. */
    private final List<List<ArrayForm>> forms;

    private LayerForms(List<List<ArrayForm>> forms) {
        this.forms = forms;
    }

    /**
     * The forms of a model's layers: what they have in common with one token and with two.
     *
     * @param layers empty ones
     * @param feedToken computes a token of any id for them, on the thread that owns the model
     */
    public static LayerForms of(List<LayerCache> layers, Runnable feedToken) {
        feedToken.run();
        LayerForms ofOne = now(layers);
        feedToken.run();
        return ofOne.and(now(layers));
    }

    private static LayerForms now(List<LayerCache> layers) {
        List<List<ArrayForm>> forms = new ArrayList<>();
        for (LayerCache layer : layers) {
            try (Scope scope = Scope.open();
                    Snapshot kept = layer.sliceable() ? layer.slice(0, layer.offset()) : layer.state()) {
                forms.add(Arrays.stream(kept.arrays())
                        .map(array -> array == null ? null : new ArrayForm(array.dtype(), array.shape()))
                        .toList());
            }
        }
        return new LayerForms(forms);
    }

    private LayerForms and(LayerForms other) {
        List<List<ArrayForm>> common = new ArrayList<>();
        for (int layer = 0; layer < forms.size(); layer++) {
            List<ArrayForm> slots = new ArrayList<>();
            for (int slot = 0; slot < forms.get(layer).size(); slot++) {
                slots.add(common(of(layer, slot), other.of(layer, slot)));
            }
            common.add(slots);
        }
        return new LayerForms(common);
    }

    private static ArrayForm common(ArrayForm one, ArrayForm other) {
        if (one == null || other == null) {
            return null;
        }
        int[] shape = one.shape().clone();
        for (int i = 0; i < shape.length; i++) {
            shape[i] = shape[i] == other.shape()[i] ? shape[i] : OPEN;
        }
        return new ArrayForm(one.type(), shape);
    }

    private ArrayForm of(int layer, int slot) {
        List<ArrayForm> slots = layer < forms.size() ? forms.get(layer) : List.of();
        return slot < slots.size() ? slots.get(slot) : null;
    }

    /** Throws IllegalArgumentException if an array is none that this layer keeps there. */
    void check(int layer, int slot, DType type, int[] shape) {
        ArrayForm expected = of(layer, slot);
        boolean fits = expected == null || expected.type() == type && expected.shape().length == shape.length;
        for (int i = 0; fits && expected != null && i < shape.length; i++) {
            fits = expected.shape()[i] == OPEN || expected.shape()[i] == shape[i];
        }
        if (!fits) {
            throw new IllegalArgumentException("an array of layer %d, %s, does not fit: %s is kept there"
                    .formatted(layer, new ArrayForm(type, shape), expected));
        }
    }
}
