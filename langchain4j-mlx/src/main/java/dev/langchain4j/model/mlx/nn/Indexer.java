package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Compiled;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;

/**
 * Chooses the positions that attention over a long context reads: those whose short keys answer best to short queries.
 * Source: mlx-lm's {@code models/deepseek_v32.py}.
 *
 * @param weights how much each head counts
 * @param chosen number of positions that are read at the most
 */
public record Indexer(
        Linear queries, Linear keys, LayerNorm keyNorm, Linear weights, Rope rope, int heads, int dim, int chosen) {
    private static final double EPS = 1e-6;

    /**
     * The indexer of this name.
     *
     * @param queryRank length of what queries are made of
     */
    public static Indexer load(ModelConfig c, Weights w, String name, int hidden, int queryRank, Rope rope) {
        int heads = c.count("index_n_heads");
        int dim = c.count("index_head_dim");
        int turned = c.count("qk_rope_head_dim");
        if (dim < turned) {
            throw c.invalid("index_head_dim", dim, "must be at least qk_rope_head_dim (" + turned + ")");
        }
        return new Indexer(
                Linear.load(w, name + ".wq_b", queryRank, heads * dim, false),
                Linear.load(w, name + ".wk", hidden, dim, false),
                LayerNorm.load(w, name + ".k_norm", dim, EPS, true),
                Linear.load(w, name + ".weights_proj", hidden, heads, false),
                rope,
                heads,
                dim,
                c.count("index_topk"));
    }

    /** Products above zero, weighted. */
    private static final Compiled ANSWERS = Compiled.of(Indexer::weighted);

    /** The same, added to others. */
    private static final Compiled ADDED_ANSWERS = Compiled.of(in -> Ops.add(in[2], weighted(in)));

    private static MlxArray weighted(MlxArray... in) {
        return Ops.multiply(Ops.maximum(in[0], MlxArray.scalar(0, in[0].dtype())), in[1]);
    }

    /** Keys that are kept of new positions, as heads of these spans. */
    MlxArray keys(MlxArray x, Spans spans) {
        return rope.apply(spans.splitHeads(keyNorm.apply(keys.apply(x)), 1, dim), spans);
    }

    /**
     * What new positions look for, as heads of these spans.
     *
     * @param queries [1, heads, length, dim]
     * @param weights [1, heads, length, 1]
     */
    record Search(MlxArray queries, MlxArray weights) {}

    /**
     * What new positions look for.
     *
     * @param ranked what the queries of attention are made of as well
     */
    Search search(MlxArray x, MlxArray ranked, Spans spans) {
        MlxArray q = rope.apply(spans.splitHeads(queries.apply(ranked), heads, dim), spans);
        MlxArray scaled = Ops.multiply(weights.apply(x), Math.pow(heads, -0.5) * Math.pow(dim, -0.5));
        return new Search(q, spans.splitHeads(scaled, heads, 1));
    }

    /**
     * Indices of the positions that each new one reads, [1, 1, length, chosen].
     *
     * @param keys of more positions than are chosen, [1, 1, context, dim]
     * @param mask true where a position may be read, [length, context]; null for all
     */
    MlxArray choose(Search search, MlxArray keys, MlxArray mask) {
        MlxArray across = Indexing.swapAxes(keys, -1, -2);
        MlxArray scores = null;
        if (search.queries.dim(2) == 1) {
            scores = Ops.sum(answers(search.queries, search.weights, across), 1, true);
        } else {
            // one head after the other: those of all heads together would be larger than anything else
            MlxArray[] q = Indexing.split(search.queries, heads, 1);
            MlxArray[] w = Indexing.split(search.weights, heads, 1);
            for (int i = 0; i < heads; i++) {
                scores = scores == null
                        ? answers(q[i], w[i], across)
                        : ADDED_ANSWERS.apply(Ops.matmul(q[i], across), w[i], scores);
            }
        }
        if (mask != null) {
            scores = Ops.where(mask, scores, MlxArray.scalar(Double.NEGATIVE_INFINITY, scores.dtype()));
        }
        return Router.Selection.LAST.of(scores, chosen);
    }

    private static MlxArray answers(MlxArray queries, MlxArray weights, MlxArray keysAcross) {
        return ANSWERS.apply(Ops.matmul(queries, keysAcross), weights);
    }
}
