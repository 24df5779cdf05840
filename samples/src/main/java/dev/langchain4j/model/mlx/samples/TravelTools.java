package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.agent.tool.P;
import dev.langchain4j.agent.tool.Tool;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/** A travel desk that makes its facts up, the same ones each time. */
final class TravelTools {
    private static final List<String> SKIES =
            List.of("sunny", "light rain", "cloudy", "heavy rain", "fog", "clear sky", "windy");
    private static final Map<String, Double> EUROS =
            Map.of("EUR", 1.0, "USD", 0.92, "GBP", 1.17, "CHF", 1.05, "JPY", 0.0061, "NOK", 0.086, "CAD", 0.67);

    private static Random facts(Object... of) {
        return new Random(List.of(of).hashCode());
    }

    @Tool("Current weather of a city")
    String weather(@P("the city") String city) {
        Random random = facts("weather", city);
        return (random.nextInt(30) - 2) + " degrees, " + SKIES.get(random.nextInt(SKIES.size()));
    }

    @Tool("Next trains between two cities")
    String trains(@P("departure city") String origin, @P("arrival city") String destination) {
        Random random = facts("trains", origin, destination);
        StringBuilder departures = new StringBuilder();
        for (int i = 0; i < 3; i++) {
            departures.append(i == 0 ? "" : ", ").append("TKRX".charAt(random.nextInt(4)));
            departures.append(10 + random.nextInt(900)).append(" at ");
            departures.append(
                    String.format(Locale.ROOT, "%02d:%02d", 7 + 4 * i + random.nextInt(3), random.nextInt(60)));
        }
        return departures.toString();
    }

    @Tool("Books seats on a train")
    String book(@P("train number") String train, @P("number of seats") int seats) {
        Random random = facts("book", train, seats);
        StringBuilder code = new StringBuilder("Booking ");
        for (int i = 0; i < 4; i++) {
            code.append("ABCDEFGHJKLMNPQRSTUVWXYZ23456789".charAt(random.nextInt(32)));
        }
        return code.append(" confirmed").toString();
    }

    @Tool("Converts an amount between currencies")
    String convert(
            @P("the amount") double amount, @P("currency code") String source, @P("currency code") String target) {
        if (!EUROS.containsKey(source) || !EUROS.containsKey(target)) {
            return "error: unknown currency";
        }
        return String.format(Locale.ROOT, "%.2f %s", amount * EUROS.get(source) / EUROS.get(target), target);
    }
}
