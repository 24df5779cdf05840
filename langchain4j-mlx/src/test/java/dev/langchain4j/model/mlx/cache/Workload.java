package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.Trace.Request;
import dev.langchain4j.model.mlx.cache.Trace.Segment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Makes traces of agent workloads, each from a seed: how many applications, conversations and rounds, how long their
 * parts are, how the conversations take turns, and what disturbs them.
 */
final class Workload {
    private final Random random;
    private final String shape;
    private final List<Request> requests = new ArrayList<>();
    private final List<Chat> active = new ArrayList<>();
    private final List<Chat> resting = new ArrayList<>();
    private final Map<String, Integer> counters = new HashMap<>();

    private int apps = 1;
    private int systemTokens;
    private int chats = 12;
    private int activeMax = 6;
    private int turnsMin = 1;
    private int turnsMax = 5;
    private double toolChance = 0.65;
    private double stay = 0.5;
    private boolean dropsReasoning;
    private int window = Integer.MAX_VALUE;
    private double retry;
    private double noise;
    private double subAgent;
    private double pause;

    private Workload(long seed) {
        random = new Random(seed);
        String[] shapes = {
            "users",
            "turns",
            "apps",
            "thinking",
            "fixed",
            "window",
            "retries",
            "long-loops",
            "sub-agents",
            "noise",
            "pauses",
            "mixed"
        };
        shape = shapes[(int) Math.floorMod(seed, shapes.length)];
        systemTokens = between(300, 4000);
        chats = between(6, 26);
        activeMax = between(2, 9);
        turnsMax = between(2, 8);
        toolChance = 0.3 + 0.5 * random.nextDouble();
        stay = random.nextDouble() * 0.9;
        boolean mixed = shape.equals("mixed");
        dropsReasoning = shape.equals("thinking") || mixed && random.nextBoolean();
        window = shape.equals("window") || mixed && random.nextInt(3) == 0 ? between(6, 20) : window;
        apps = shape.equals("apps") || mixed && random.nextBoolean() ? between(2, 6) : 1;
        retry = shape.equals("retries") || mixed && random.nextBoolean() ? 0.15 : 0;
        noise = shape.equals("noise") || mixed && random.nextBoolean() ? 0.05 + 0.3 * random.nextDouble() : 0;
        subAgent = shape.equals("sub-agents") || mixed && random.nextBoolean() ? 0.25 : 0;
        pause = shape.equals("pauses") || mixed && random.nextBoolean() ? 0.3 + 0.5 * random.nextDouble() : 0;
        if (shape.equals("turns") || shape.equals("fixed") || shape.equals("apps")) {
            turnsMin = turnsMax;
            chats = between(12, 30);
            activeMax = between(3, 10);
            stay = 0.5 + 0.3 * random.nextDouble();
            dropsReasoning = shape.equals("fixed") && random.nextBoolean();
        }
        if (shape.equals("long-loops")) {
            toolChance = 0.92;
            chats = between(2, 6);
            turnsMax = 3;
        }
    }

    /** The same trace for the same seed. */
    static Trace of(long seed) {
        Workload workload = new Workload(seed);
        workload.play();
        return new Trace(workload.shape + "-" + seed, workload.requests);
    }

    /** One conversation: its system part, and the messages after it. */
    private final class Chat {
        final String id;
        final List<Segment> system;
        final List<List<Segment>> messages = new ArrayList<>();
        final int turns;
        int turn;
        int round;
        boolean inTurn;
        /** The one that waits for this sub-agent, or null. */
        final Chat parent;

        boolean waits;

        Chat(List<Segment> system, int turns, Chat parent) {
            this.id = "c" + count("chat");
            this.system = system;
            this.turns = turns;
            this.parent = parent;
        }

        /** Plays the next request; gives whether the answer asks for a tool. */
        boolean next() {
            if (!inTurn) {
                inTurn = true;
                round = 0;
                messages.add(List.of(new Segment(id + ".u" + turn, between(5, 120), "user")));
            }
            String name = id + ".u" + turn + ".r" + round;
            boolean tool = random.nextDouble() < toolChance && round < 40;
            List<Segment> output = new ArrayList<>();
            if (dropsReasoning) {
                output.add(new Segment(name + ".think", between(50, 400), "assistant"));
            }
            output.add(new Segment(name + ".say", between(10, tool ? 60 : 300), "assistant"));
            Request request = new Request(id, tool, prompt(), List.copyOf(output));
            requests.add(request);
            if (random.nextDouble() < retry) {
                requests.add(request);
            }
            List<Segment> message = new ArrayList<>(List.of(new Segment("gen", 3, "assistant")));
            message.addAll(output);
            message.add(new Segment("end", 2, "assistant"));
            messages.add(message);
            if (tool) {
                messages.add(List.of(new Segment(name + ".result", between(40, 900), "tool")));
                round++;
            } else {
                turn++;
                inTurn = false;
            }
            return tool;
        }

        boolean isOver() {
            return !inTurn && turn >= turns;
        }

        private List<Segment> prompt() {
            List<Segment> prompt = new ArrayList<>(system);
            int lastUser = 0;
            for (int i = 0; i < messages.size(); i++) {
                lastUser = messages.get(i).getFirst().role().equals("user") ? i : lastUser;
            }
            int first = Math.max(0, messages.size() - window);
            while (first > 0
                    && first < messages.size() - 1
                    && !messages.get(first).getFirst().role().equals("user")) {
                first++;
            }
            for (int i = first; i < messages.size(); i++) {
                for (Segment segment : messages.get(i)) {
                    if (i > lastUser || !segment.name().endsWith(".think")) {
                        prompt.add(segment);
                    }
                }
            }
            prompt.add(new Segment("gen", 3, "assistant"));
            return List.copyOf(prompt);
        }
    }

    private void play() {
        int begun = 0;
        Chat last = null;
        while (requests.size() < 220 && (begun < chats || !active.isEmpty() || !resting.isEmpty())) {
            if (random.nextDouble() < noise) {
                List<Segment> alone = List.of(new Segment("odd" + count("odd"), between(200, 3000), "system"));
                new Chat(alone, 1, null).next();
                continue;
            }
            if (begun < chats && active.size() < activeMax && (active.isEmpty() || random.nextInt(3) == 0)) {
                begun++;
                active.add(new Chat(app(random.nextInt(apps)), between(turnsMin, turnsMax), null));
            } else if (!resting.isEmpty() && (active.isEmpty() || random.nextInt(8) == 0)) {
                active.add(resting.remove(random.nextInt(resting.size())));
            }
            last = choose(last);
            step(last);
        }
    }

    private Chat choose(Chat last) {
        if (last != null && active.contains(last) && !last.waits && random.nextDouble() < stay) {
            return last;
        }
        List<Chat> ready = active.stream().filter(chat -> !chat.waits).toList();
        return ready.get(random.nextInt(ready.size()));
    }

    private void step(Chat chat) {
        boolean tool = chat.next();
        if (tool && chat.parent == null && random.nextDouble() < subAgent) {
            chat.waits = true;
            List<Segment> system = random.nextBoolean() ? app(7) : chat.prompt();
            active.add(new Chat(system, 1, chat));
        }
        if (chat.isOver()) {
            active.remove(chat);
            if (chat.parent != null) {
                chat.parent.waits = false;
            }
        } else if (!chat.inTurn && random.nextDouble() < pause) {
            active.remove(chat);
            resting.add(chat);
        }
    }

    private List<Segment> app(int app) {
        Random own = new Random(app + 100L * systemTokens);
        int tools = Math.max(50, (int) (systemTokens * (0.5 + own.nextDouble())));
        return List.of(
                new Segment("sys" + app, 100 + own.nextInt(400), "system"),
                new Segment("tools" + app + "." + tools, tools, "system"));
    }

    private int between(int least, int most) {
        return least + random.nextInt(Math.max(1, most - least + 1));
    }

    private int count(String what) {
        return counters.merge(what, 1, Integer::sum);
    }
}
