package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.mlx.MlxModel;
import java.io.PrintStream;
import java.util.Locale;
import java.util.concurrent.atomic.LongAdder;

/**
 * A team of agents over langchain4j-agentic: a supervisor, three agents that work in parallel, and one that follows
 * them. Prints what each round cost, how much of its prompt came from the prompt cache, and how many agents decoded at
 * once. Has the options of {@link Options#modelBuilder}.
 */
public final class TeamSample {
    /** As many as the workflow has agents in parallel. */
    private static final int CONCURRENT_MAX = 3;

    private TeamSample() {}

    /** Runs the team once. */
    public static void main(String[] args) {
        Options options = Options.of(
                "team",
                "A supervisor and agents in parallel and in sequence, with memories forked from a common one.",
                args,
                Options.withModel());
        try (MlxModel model =
                options.modelBuilder().maxConcurrent(CONCURRENT_MAX).build()) {
            run(model, System.out);
        } catch (UnsupportedFeatureException e) {
            System.err.println("this model cannot use tools, which this sample needs: " + e.getMessage());
            System.exit(1);
        }
    }

    /** Plays one journey, and prints it. */
    static void run(MlxModel model, PrintStream out) {
        Rounds rounds = new Rounds(out);
        Team team = new Team(model, rounds);
        out.println("-- the supervisor and the traveller");
        out.println("supervisor> " + team.ask("ann", "Hello!") + "\n");
        out.println("-- a workflow: forecaster, cashier and timetable in parallel, then the booker");
        out.println("workflow> " + team.plan("ann", "Lisbon", "Porto", 250) + "\n");
        out.println("-- the supervisor decides: its weather tool asks the forecaster");
        out.println("supervisor> " + team.ask("ann", "Compare the weather in Oslo and Rome.") + "\n");
        out.println(rounds.summary());
    }

    /** Prints a line for each round of each agent. Thread-safe. */
    private static final class Rounds implements ChatModelListener {
        private final PrintStream out;
        private final LongAdder prompts = new LongAdder();
        private final LongAdder cached = new LongAdder();

        Rounds(PrintStream out) {
            this.out = out;
        }

        @Override
        public void onResponse(ChatModelResponseContext context) {
            RoundCost cost = RoundCost.of(context);
            prompts.add(cost.prompt());
            cached.add(cost.cached());
            out.println(String.format(
                    Locale.ROOT,
                    "  %-10s [%s, up to %d at once]",
                    cost.service().toLowerCase(Locale.ROOT),
                    cost,
                    cost.metadata().maxRows()));
        }

        String summary() {
            return "%d prompt tokens, %d of them (%d %%) from the prompt cache"
                    .formatted(prompts.sum(), cached.sum(), 100 * cached.sum() / Math.max(1, prompts.sum()));
        }
    }
}
