package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;

/**
 * Rotary positions of which a part of the dimensions counts time, a part height and a part width (mrope). Where all
 * three are the same, as in text, that is one rotation as ever. Where pictures are, every token is turned by each of
 * its three positions, and takes from each what is counted by it. Sources: transformers' {@code modeling_qwen2_5_vl.py}
 * (sections one behind the other) and {@code modeling_qwen3_vl.py} (interleaved).
 *
 * @param plain the rotation by one position
 * @param byHeight true at dimensions that count height, [dimensions that turn]
 * @param byWidth true at dimensions that count width, [dimensions that turn]
 */
record Mrope(Rope plain, MlxArray byHeight, MlxArray byWidth) implements Rope {
    /** The rotation with the sections that these parameters have; as it is if they have none. */
    static Rope of(Weights weights, ModelConfig parameters, int dims, Rope plain) {
        double[] sections = parameters.numbers("mrope_section");
        if (sections == null || sections.length != 3) {
            return plain;
        }
        boolean interleaved = parameters.flag("mrope_interleaved", false);
        return new Mrope(
                plain, mask(weights, dims, sections, interleaved, 1), mask(weights, dims, sections, interleaved, 2));
    }

    private static MlxArray mask(Weights weights, int dims, double[] sections, boolean interleaved, int axis) {
        int pairs = dims / 2;
        int first = (int) (axis == 1 ? sections[0] : sections[0] + sections[1]);
        int[] counts = new int[dims];
        for (int i = 0; i < dims; i++) {
            int pair = i % pairs;
            boolean counted = interleaved
                    ? pair % 3 == axis && pair < 3 * sections[axis]
                    : pair >= first && pair < first + sections[axis];
            counts[i] = counted ? 1 : 0;
        }
        return weights.adopt(Ops.astype(MlxArray.of(counts, dims), DType.BOOL));
    }

    @Override
    public MlxArray apply(MlxArray x, int[] offsets) {
        return plain.apply(x, offsets);
    }

    @Override
    public MlxArray apply(MlxArray x, Spans spans) {
        if (!spans.hasAxes()) {
            return plain.apply(x, spans);
        }
        MlxArray rows = spans.rowsOfHeads(x);
        MlxArray y = plain.apply(rows, spans.positions(0));
        y = Ops.where(ofHead(byHeight, x), plain.apply(rows, spans.positions(1)), y);
        y = Ops.where(ofHead(byWidth, x), plain.apply(rows, spans.positions(2)), y);
        return spans.rowsOfHeads(y);
    }

    /** The mask for all dimensions of a head, of which some may not turn. */
    private static MlxArray ofHead(MlxArray mask, MlxArray heads) {
        int still = heads.dim(-1) - mask.dim(0);
        return still == 0 ? mask : Indexing.pad(mask, 0, 0, still, MlxArray.scalar(0, DType.BOOL));
    }
}
