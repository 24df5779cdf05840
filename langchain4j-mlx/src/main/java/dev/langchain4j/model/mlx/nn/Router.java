package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Compiled;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.function.UnaryOperator;

/** Chooses the experts of each position. */
public interface Router {
    /** -(scores + correction). */
    Compiled NEGATED_SUM = Compiled.of(in -> Ops.negative(Ops.add(in[0], in[1])));

    /** scores + correction, which may be of another type. */
    Compiled SUM = Compiled.of(in -> Ops.add(in[0], in[1]));

    /** weights / sum * factor. */
    Compiled SCALED_SHARES = Compiled.of(in -> Ops.multiply(Ops.divide(in[0], in[1]), in[2]));

    /** Sigmoid in single precision. */
    Compiled SIGMOID = Compiled.of(in -> Ops.sigmoid(Ops.astype(in[0], DType.FLOAT32)));

    /**
     * Experts of each position, in no order.
     *
     * @param experts indices, [1, length, chosen]
     * @param weights what the output of each is multiplied by, [1, length, chosen]
     */
    record Choice(MlxArray experts, MlxArray weights) {}

    /** Chooses experts for [1, length, dimension]. */
    Choice choose(MlxArray x);

    /** This router with weights of the type of what goes in. */
    default Router inTypeOfInput() {
        return x -> {
            Choice choice = choose(x);
            return new Choice(choice.experts, Ops.astype(choice.weights, x.dtype()));
        };
    }

    /**
     * How the highest values are found. Of equal ones, which half precision has often, each way finds others; mlx-lm
     * uses the one here and the other there.
     */
    enum Selection {
        /** The last ones behind a partition. */
        LAST {
            @Override
            public MlxArray of(MlxArray values, int chosen) {
                int all = values.dim(-1);
                return Indexing.slice(Ops.argpartition(values, all - chosen, -1), -1, all - chosen, all);
            }
        },
        /** The first ones behind a partition of negated values. */
        FIRST_NEGATED {
            @Override
            public MlxArray of(MlxArray values, int chosen) {
                MlxArray partitioned = Ops.argpartition(Ops.negative(values), chosen - 1, -1);
                return Indexing.slice(partitioned, -1, 0, chosen);
            }
        };

        /** Indices of the highest values, of so many along the last dimension. */
        public abstract MlxArray of(MlxArray values, int chosen);
    }

    /**
     * The experts with the highest logits, weighted by the softmax of these logits alone.
     *
     * @param precise whether the softmax adds up in single precision
     */
    static Router softmaxOfTop(Linear gate, int chosen, Selection selection, boolean precise) {
        return x -> {
            MlxArray logits = gate.apply(x);
            MlxArray experts = selection.of(logits, chosen);
            return new Choice(experts, Ops.softmax(Indexing.takeAlong(logits, experts, -1), -1, precise));
        };
    }

    /**
     * The experts that rank highest, weighted by what an architecture makes of their scores.
     *
     * @param scores of all experts, made of [1, length, dimension]
     * @param ranked what the choice goes by, made of the scores of all
     * @param weights what outputs are multiplied by, made of the scores of those chosen
     */
    static Router topOf(
            UnaryOperator<MlxArray> scores,
            UnaryOperator<MlxArray> ranked,
            int chosen,
            Selection selection,
            UnaryOperator<MlxArray> weights) {
        return x -> {
            MlxArray all = scores.apply(x);
            MlxArray experts = selection.of(ranked.apply(all), chosen);
            return new Choice(experts, weights.apply(Indexing.takeAlong(all, experts, -1)));
        };
    }

    /** The experts with the highest probabilities, weighted by them, which then add up to one if {@code normalized}. */
    static Router topOfSoftmax(Linear gate, int chosen, boolean normalized, Selection selection) {
        return x -> {
            MlxArray probabilities = Ops.softmax(gate.apply(x), -1, true);
            MlxArray experts = selection.of(probabilities, chosen);
            MlxArray weights = Indexing.takeAlong(probabilities, experts, -1);
            return new Choice(experts, normalized ? shares(weights) : weights);
        };
    }

    /**
     * The experts with the highest sigmoid scores, weighted by them, which then add up to one if {@code normalized}.
     *
     * @param correction added to the scores for the choice only; null for none
     * @param scaling what all weights are multiplied by
     */
    static Router topOfSigmoid(Linear gate, MlxArray correction, int chosen, boolean normalized, double scaling) {
        return x -> {
            MlxArray scores = Ops.sigmoid(gate.apply(x));
            MlxArray ranked = correction == null ? scores : Ops.add(Ops.astype(scores, DType.FLOAT32), correction);
            MlxArray experts = Selection.LAST.of(ranked, chosen);
            MlxArray weights = Indexing.takeAlong(scores, experts, -1);
            if (normalized) {
                weights = Ops.divide(weights, Ops.add(Ops.sum(weights, -1, true), 1e-6));
            }
            return new Choice(experts, Ops.multiply(weights, scaling));
        };
    }

    /**
     * The experts with the highest scores, of the groups whose best experts have the highest ones, weighted by them.
     *
     * @param scoring logits to scores
     * @param correction added to the scores for the choice only; null for none
     * @param best how many experts speak for their group
     * @param normalized whether weights add up to one
     * @param scaling what all weights are multiplied by
     */
    record Grouped(
            Linear gate,
            UnaryOperator<MlxArray> scoring,
            MlxArray correction,
            int chosen,
            int groups,
            int groupsChosen,
            int best,
            boolean normalized,
            double scaling)
            implements Router {

        /** How DeepSeek-V3 and its relatives choose, with the fields that this family has in config.json. */
        public static Grouped load(ModelConfig c, Weights w, String name, int dimension, int experts) {
            String method = c.text("topk_method", "noaux_tc");
            if (!method.equals("noaux_tc")) {
                throw c.invalid("topk_method", method, "must be noaux_tc");
            }
            int groups = c.count("n_group", 1);
            int groupsChosen = c.count("topk_group", 1);
            int chosen = Router.chosen(c, experts, 1);
            return new Grouped(
                            Linear.load(w, name, dimension, experts, false),
                            Router::sigmoid,
                            w.get(name + ".e_score_correction_bias", experts),
                            chosen,
                            groups,
                            groupsChosen,
                            2,
                            chosen > 1 && c.flag("norm_topk_prob", true),
                            c.number("routed_scaling_factor", 1))
                    .checked(c, "n_group", experts);
        }

        /** One group of all experts. */
        public static Grouped ofOneGroup(
                Linear gate,
                UnaryOperator<MlxArray> scoring,
                MlxArray correction,
                int chosen,
                boolean normalized,
                double scaling) {
            return new Grouped(gate, scoring, correction, chosen, 1, 1, 1, normalized, scaling);
        }

        /** This router, if its groups fit so many experts. */
        public Grouped checked(ModelConfig c, String name, int experts) {
            if (experts % groups != 0 || groupsChosen > groups || groups > 1 && experts / groups < best) {
                throw c.invalid(name, groups, "must divide " + experts + " experts and be at least topk_group");
            }
            return this;
        }

        @Override
        public Choice choose(MlxArray x) {
            MlxArray scores = scoring.apply(gate.apply(x));
            MlxArray experts = Indexing.slice(Ops.argpartition(negated(scores), chosen - 1, -1), -1, 0, chosen);
            MlxArray weights = Indexing.takeAlong(scores, experts, -1);
            MlxArray factor = MlxArray.scalar(scaling, weights.dtype());
            return new Choice(
                    experts,
                    normalized
                            ? SCALED_SHARES.apply(weights, Ops.sum(weights, -1, true), factor)
                            : scaling == 1 ? weights : Ops.multiply(weights, factor));
        }

        /** What the choice goes by, negated; experts of dropped groups tie at zero. */
        private MlxArray negated(MlxArray scores) {
            if (groups > groupsChosen) {
                MlxArray ranked = correction == null ? scores : SUM.apply(scores, correction);
                return Ops.negative(withoutLowGroups(ranked, groups, groups - groupsChosen, best));
            }
            return correction == null ? Ops.negative(scores) : NEGATED_SUM.apply(scores, correction);
        }
    }

    /**
     * Zero for all experts of the groups whose best ones add up to the least.
     *
     * @param dropped how many groups
     * @param best how many experts speak for their group
     */
    static MlxArray withoutLowGroups(MlxArray ranked, int groups, int dropped, int best) {
        MlxArray grouped = Indexing.unflatten(ranked, -1, groups, ranked.dim(-1) / groups);
        MlxArray sums = Ops.sum(Ops.topk(grouped, best, -1), -1, true);
        MlxArray low = Indexing.slice(Ops.argpartition(sums, dropped - 1, -2), -2, 0, dropped);
        MlxArray zero = MlxArray.scalar(0, ranked.dtype());
        return Indexing.flatten(Indexing.putAlong(grouped, low, zero, -2), -2, -1);
    }

    /** Sigmoid scores in single precision. */
    static MlxArray sigmoid(MlxArray logits) {
        return SIGMOID.apply(logits);
    }

    /** num_experts_per_tok, checked against the number of experts. */
    static int chosen(ModelConfig c, int experts, int otherwise) {
        int chosen = c.count("num_experts_per_tok", otherwise);
        if (chosen > experts) {
            throw c.invalid("num_experts_per_tok", chosen, "must be at most the number of experts (" + experts + ")");
        }
        return chosen;
    }

    private static MlxArray shares(MlxArray weights) {
        return Ops.divide(weights, Ops.sum(weights, -1, true));
    }
}
