package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Notes what each round costs until its first token, and draws two runs of the same rounds beside each other. */
final class LoopChart implements ChatModelListener {
    private static final int WIDTH = 40;

    private final List<RoundCost> rounds = new ArrayList<>();

    @Override
    public void onResponse(ChatModelResponseContext context) {
        rounds.add(RoundCost.of(context));
    }

    int rounds() {
        return rounds.size();
    }

    /** Draws time to first token by round, without a cache and with it. */
    static void draw(LoopChart cold, LoopChart cached, PrintStream out) {
        double longest = cold.rounds.stream()
                .mapToDouble(RoundCost::firstTokenMillis)
                .max()
                .orElse(1);
        out.println("time to first token, round by round: without the cache (░) and with it (█)\n");
        double coldSum = 0;
        double cachedSum = 0;
        for (int i = 0; i < Math.min(cold.rounds.size(), cached.rounds.size()); i++) {
            RoundCost without = cold.rounds.get(i);
            RoundCost with = cached.rounds.get(i);
            coldSum += without.firstTokenMillis();
            cachedSum += with.firstTokenMillis();
            out.printf(
                    Locale.ROOT,
                    "%3d  %4d tokens      %s %.0f ms%n     %4d of them new %s %.0f ms%n",
                    i + 1,
                    without.prompt(),
                    bar('░', without.firstTokenMillis() / longest),
                    without.firstTokenMillis(),
                    with.prefilled(),
                    bar('█', with.firstTokenMillis() / longest),
                    with.firstTokenMillis());
        }
        out.printf(
                Locale.ROOT,
                "%nall rounds: %.0f ms without the cache, %.0f ms with it: %.1f times less waiting%n",
                coldSum,
                cachedSum,
                coldSum / cachedSum);
    }

    private static String bar(char mark, double share) {
        return String.valueOf(mark).repeat(Math.max(1, (int) Math.round(share * WIDTH)));
    }
}
