package dev.langchain4j.model.mlx.samples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.mlx.MlxModel;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/** The team of agents over the demo model: who shares what, and who decodes together. */
class TeamSampleTest {
    private static final Path DEMO = Path.of(System.getProperty("project.root")).resolve("samples/demo-model/model");

    /** Notes all rounds. */
    private static final class Rounds implements ChatModelListener {
        private final List<RoundCost> all = new CopyOnWriteArrayList<>();

        @Override
        public void onResponse(ChatModelResponseContext context) {
            all.add(RoundCost.of(context));
        }

        List<RoundCost> of(String role) {
            return all.stream().filter(round -> round.service().equals(role)).toList();
        }
    }

    private static MlxModel model() {
        return MlxModel.builder().modelPath(DEMO).maxConcurrent(3).build();
    }

    @Test
    void agentsStartWithThePrefixOfTheSupervisorAndDecodeTogether() {
        Rounds rounds = new Rounds();
        try (MlxModel model = model()) {
            Team team = new Team(model, rounds);
            team.ask("ann", "Hello!");
            int common = rounds.of("Supervisor").getFirst().prompt();
            String plan = team.plan("ann", "Lisbon", "Porto", 250);
            assertThat(plan).contains("In Porto it is 10 degrees, fog.", "230.00 EUR", "I booked 2 seats on train");
            for (String role : List.of("Forecaster", "Cashier", "Timetable", "Booker")) {
                assertThat(rounds.of(role).getFirst().cached())
                        .as("cached tokens of the first prompt of " + role)
                        .isGreaterThanOrEqualTo(common);
            }
            assertThat(rounds.all)
                    .as("agents in one forward pass")
                    .anyMatch(round -> round.metadata().maxRows() > 1);
        }
    }

    @Test
    void theSupervisorAnswersWithWhatTheForecasterFound() {
        Rounds rounds = new Rounds();
        try (MlxModel model = model()) {
            Team team = new Team(model, rounds);
            team.ask("ann", "Hello!");
            assertThat(team.ask("ann", "Compare the weather in Oslo and Rome."))
                    .isEqualTo("In Oslo it is 15 degrees, windy, in Rome it is 12 degrees, fog.");
            assertThat(rounds.of("Forecaster"))
                    .as("two questions, two rounds each")
                    .hasSize(4);
        }
    }

    @Test
    void eachRoundIsPrinted() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (MlxModel model = model()) {
            TeamSample.run(model, new PrintStream(bytes, true, StandardCharsets.UTF_8));
        }
        assertThat(bytes.toString(StandardCharsets.UTF_8))
                .contains("  booker     [prompt ", "from the prompt cache")
                .contains("supervisor> In Oslo it is 15 degrees, windy");
    }
}
