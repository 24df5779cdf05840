package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.cache.disk.Destination.Piece;
import dev.langchain4j.model.mlx.cache.disk.Section;
import dev.langchain4j.model.mlx.kv.ArrayForm;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** The bytes of MLX arrays. */
final class ArrayCodec implements SnapshotCodec {
    private static final DType[] TYPES = DType.values();
    private LayerForms expected = LayerForms.UNKNOWN;

    @Override
    public void expect(LayerForms forms) {
        expected = forms;
    }

    @Override
    public void encode(int layer, Snapshot snapshot, List<Section> sections) {
        try (Scope scope = Scope.open()) {
            MlxArray[] arrays = snapshot.arrays();
            for (int slot = 0; slot < arrays.length; slot++) {
                if (arrays[slot] != null) {
                    sections.add(section(layer, slot, arrays[slot]));
                }
            }
        }
    }

    private static Section section(int layer, int slot, MlxArray array) {
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(array.bytes()));
        array.copyTo(bytes);
        return new Section(layer, slot, array.dtype().ordinal(), array.shape(), bytes.flip());
    }

    @Override
    public Snapshot decode(LayerCache layer, int start, int end, List<Section> sections) {
        MlxArray[] arrays = new MlxArray[layer.arraysMax()];
        try {
            try (Scope scope = Scope.open()) {
                for (Section section : sections) {
                    Objects.checkIndex(section.type(), TYPES.length);
                    Objects.checkIndex(section.slot(), arrays.length);
                    check(section);
                    if (arrays[section.slot()] == null) {
                        arrays[section.slot()] = MlxArray.of(section.bytes(), TYPES[section.type()], section.shape())
                                .detach();
                    }
                }
            }
            Eval.eval(Arrays.stream(arrays).filter(Objects::nonNull).toArray(MlxArray[]::new));
            return layer.snapshot(start, end, arrays);
        } catch (Throwable e) {
            for (MlxArray array : arrays) {
                if (array != null) {
                    array.close();
                }
            }
            throw e;
        }
    }

    @Override
    public List<List<Piece>> place(LayerCache layer, int start, int end, int to, List<Section> sections) {
        ArrayForm[] forms = new ArrayForm[layer.arraysMax()];
        int slots = 0;
        for (Section section : sections) {
            Objects.checkIndex(section.type(), TYPES.length);
            if (Objects.checkIndex(section.slot(), forms.length) < slots) {
                return null;
            }
            check(section);
            forms[section.slot()] = new ArrayForm(TYPES[section.type()], section.shape());
            slots = section.slot() + 1;
        }
        int from = layer.offset();
        List<List<ByteBuffer>> memory =
                layer.memory(to, end - start, Arrays.asList(forms).subList(0, slots));
        if (memory == null) {
            return null;
        }
        List<List<Piece>> pieces = new ArrayList<>();
        for (List<ByteBuffer> array : memory) {
            List<Piece> own = new ArrayList<>();
            for (ByteBuffer positions : array) {
                int each = positions.remaining() / (to - from);
                own.add(new Piece(each * (from - start), null));
                own.add(new Piece(positions.remaining(), positions));
                own.add(new Piece(each * (end - to), null));
            }
            pieces.add(own);
        }
        return pieces;
    }

    private void check(Section section) {
        expected.check(section.layer(), section.slot(), TYPES[section.type()], section.shape());
    }
}
