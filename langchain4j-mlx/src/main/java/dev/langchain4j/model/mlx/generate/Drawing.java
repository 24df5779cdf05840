package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/** Draws behind the tokens of one forward pass: each request from its own logits. */
final class Drawing {

    private Drawing() {}

    /**
     * Draws for each of these requests; those that ask for nothing but a token do so in one set of operations.
     *
     * @param logits [tokens, vocabulary], a row for each request, or more for the only one; a temporary of the current
     *     scope
     * @param results receives what is to be computed of them
     * @param failed is told of those that cannot draw, and why; nothing of theirs is in the results
     */
    static void draw(
            List<Generation> requests,
            MlxArray logits,
            List<MlxArray> results,
            BiConsumer<List<Generation>, Throwable> failed) {
        List<Integer> together = new ArrayList<>(requests.size());
        for (int i = 0; i < requests.size(); i++) {
            if (requests.get(i).decoder().sampler() == null) {
                draw(requests, List.of(i), logits, results, failed);
            } else {
                together.add(i);
            }
        }
        if (!together.isEmpty()) {
            draw(requests, together, logits, results, failed);
        }
    }

    private static void draw(
            List<Generation> requests,
            List<Integer> group,
            MlxArray logits,
            List<MlxArray> results,
            BiConsumer<List<Generation>, Throwable> failed) {
        List<Generation> members = group.stream().map(requests::get).toList();
        List<MlxArray> drawn = new ArrayList<>(members.size());
        try {
            MlxArray own = group.size() == requests.size() ? logits : rowsOf(logits, group);
            if (members.size() == 1) {
                drawn.add(members.getFirst().decoder().draw(own));
            } else {
                List<Sampler> samplers =
                        members.stream().map(row -> row.decoder().sampler()).toList();
                MlxArray tokens = Sampler.together(samplers, own);
                for (int i = 0; i < members.size(); i++) {
                    drawn.add(members.get(i).decoder().take(Indexing.slice(tokens, 0, i, i + 1)));
                }
            }
        } catch (Throwable e) {
            failed.accept(members, e);
            return;
        }
        results.addAll(drawn);
    }

    private static MlxArray rowsOf(MlxArray logits, List<Integer> group) {
        MlxArray[] rows = new MlxArray[group.size()];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = Indexing.slice(logits, 0, group.get(i), group.get(i) + 1);
        }
        return rows.length == 1 ? rows[0] : Indexing.concatenate(0, rows);
    }
}
