package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** Requests that compute nothing, on a thread that is a list of tasks, with a clock that their steps advance. */
abstract class SchedulerHarness {
    static final int CHUNK = 100;

    /** A list of tasks, which the test runs when it wants. */
    static final class Tasks implements Scheduler.Owner {
        final Deque<Runnable> queue = new LinkedList<>();
        boolean current;
        boolean shuttingDown;
        boolean halted;
        /** Whether the thread has something else to do after each pass. */
        boolean shared = true;

        void execute(Runnable task) {
            queue.add(task);
        }

        @Override
        public void executeNext(Runnable task) {
            Runnable next = queue.pollFirst();
            queue.addFirst(task);
            if (next != null) {
                queue.addFirst(next);
            }
        }

        @Override
        public boolean hasWaiting() {
            return shared || !queue.isEmpty();
        }

        @Override
        public boolean isCurrent() {
            return current;
        }

        @Override
        public boolean isShuttingDown() {
            return shuttingDown;
        }

        @Override
        public boolean isHalted() {
            return halted;
        }

        boolean runOne() {
            Runnable task = queue.poll();
            if (task != null) {
                current = true;
                task.run();
                current = false;
            }
            return task != null;
        }

        void runAll() {
            while (runOne()) {
                // until nothing is queued
            }
        }
    }

    final List<String> steps = new ArrayList<>();
    final Tasks tasks = new Tasks();
    long now;

    /** What steps take. */
    long nanosOfChunk;

    double nanosOfToken;
    /** Positions after which a token of a prompt takes twice as long. */
    double doubling = Double.POSITIVE_INFINITY;

    long nanosOfDecode;
    /** How long the chunks were. */
    final List<Long> chunks = new ArrayList<>();

    /** How many prompts there were in each pass of prefill. */
    final List<Integer> passes = new ArrayList<>();

    /** Whether chunks may be cut into pieces. */
    boolean cuts;

    /** Tokens of a family's common prefix that are computed. */
    final Map<String, Integer> published = new HashMap<>();

    /** Prefills in chunks, then decodes; writes down each step. */
    class Fake extends ScheduledRequest {
        final String name;
        final int length;
        int prompt;
        int answer;
        boolean begun;
        int ends;
        Throwable failure;
        boolean room = true;
        RuntimeException refusal;
        RuntimeException broken;
        int stepsTaken;
        /** Those that begin with the same tokens, and how many. */
        String family;

        int common;
        /** When it got its last token, or when it could have got its first. */
        long tokenNanos;

        long longestGap;
        int order;

        Fake(String name, Object conversation, boolean toolRound, int prompt, int answer, Duration timeout) {
            super(conversation, toolRound, timeout);
            this.name = name;
            this.length = prompt;
            this.prompt = prompt;
            this.answer = answer;
        }

        Fake of(String itsFamily, int tokens) {
            family = itsFamily;
            common = tokens;
            return this;
        }

        private int published() {
            return family == null ? 0 : Math.min(common, published.getOrDefault(family, 0));
        }

        @Override
        boolean hasRoom() {
            return room;
        }

        @Override
        RuntimeException refusal() {
            return refusal;
        }

        @Override
        PrefixWait worthWaitingFor(List<ScheduledRequest> running) {
            for (ScheduledRequest request : running) {
                Fake other = (Fake) request;
                int prefix = Math.min(common, other.common);
                if (family != null
                        && family.equals(other.family)
                        && other.prefillPosition() < prefix
                        && prefix > published()) {
                    return new PrefixWait(other, other.length - prefix, length - prefix);
                }
            }
            return null;
        }

        @Override
        void begin() {
            begun = true;
            prompt = length - published();
            tokenNanos = now;
        }

        @Override
        int prefillRemaining() {
            return prompt;
        }

        @Override
        int prefillPosition() {
            return length - prompt;
        }

        @Override
        int chunkTokens() {
            int whole = Math.min(prompt, CHUNK);
            return cuts ? Prefill.piece(whole, wantedTokens) : whole;
        }

        private void prefill() {
            step(name + ":prefill");
            int fed = chunkTokens();
            now += (long) (fed * nanosOfToken * (1 + prefillPosition() / doubling));
            prompt -= fed;
            if (family != null) {
                published.merge(family, Math.min(common, prefillPosition()), Math::max);
            }
        }

        boolean token() {
            step(name);
            longestGap = Math.max(longestGap, now - tokenNanos);
            tokenNanos = now;
            return --answer == 0;
        }

        private void step(String what) {
            assertThat(begun && ends == 0).as("%s runs", name).isTrue();
            stepsTaken++;
            if (broken != null) {
                throw broken;
            }
            steps.add(what);
        }

        @Override
        void end(Throwable cause) {
            ends++;
            failure = cause;
        }
    }

    /** Steps of fakes, one after the other; notes how many prefilled in a pass. */
    private final class Steps implements Scheduler.Rows {
        @Override
        public int prefillTokens() {
            return CHUNK;
        }

        @Override
        public void prefill(List<ScheduledRequest> requests, Scheduler.Ended failed) {
            passes.add(requests.size());
            long begun = now;
            now += nanosOfChunk;
            each(requests, failed, fake -> {
                fake.prefill();
                return false;
            });
            chunks.add(now - begun);
            requests.forEach(request -> ((Fake) request).tokenNanos = now);
        }

        @Override
        public void decode(List<ScheduledRequest> requests, Scheduler.Ended ended) {
            now += nanosOfDecode;
            each(requests, ended, Fake::token);
        }

        private void each(List<ScheduledRequest> requests, Scheduler.Ended ended, Predicate<Fake> step) {
            for (ScheduledRequest request : List.copyOf(requests)) {
                try {
                    if (step.test((Fake) request)) {
                        ended.accept(request, null);
                    }
                } catch (Throwable e) {
                    ended.accept(request, e);
                }
            }
        }
    }

    Fake fake(String name, Object conversation, int prompt, int answer) {
        return new Fake(name, conversation, false, prompt, answer, null);
    }

    Fake toolRound(String name, Object conversation) {
        return new Fake(name, conversation, true, 0, 1, null);
    }

    Scheduler scheduler(int concurrent) {
        return scheduler(new EngineLimits(concurrent, 1000, null, Duration.ZERO, false));
    }

    Scheduler scheduler(EngineLimits limits) {
        return new Scheduler(tasks, new Steps(), limits, () -> now);
    }

    static void submit(Scheduler scheduler, Fake... fakes) {
        for (Fake fake : fakes) {
            scheduler.submit(fake);
        }
    }
}
