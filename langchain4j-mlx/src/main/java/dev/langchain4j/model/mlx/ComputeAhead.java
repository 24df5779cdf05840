package dev.langchain4j.model.mlx;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.model.mlx.cache.ConversationKey;
import dev.langchain4j.model.mlx.cache.ConversationListener;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.prompt.NextPrompt;
import dev.langchain4j.model.mlx.prompt.Prompt;
import dev.langchain4j.model.mlx.prompt.PromptRequest;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has what the next prompts of conversations begin with computed once their answers are out, while the model is idle,
 * where it is worth it: mostly, where the chat template rewrites the last turn. Prompts are written on a thread of its
 * own.
 *
 * <p>One for a model. Thread-safe. What fails costs nobody anything but what would have been computed.
 */
final class ComputeAhead implements ConversationListener, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(ComputeAhead.class);
    /** Answers whose next prompts wait for an idle model. */
    private static final int ANSWERS_MAX = 16;
    /** A tool that is done by then, or somebody who is as fast, has nothing written for it. */
    private static final long PAUSE_MILLIS = 20;

    /** Oldest first. Guarded by this, as the next ones. */
    private final Deque<Answered> answers = new ArrayDeque<>();

    private Thread worker;
    private boolean closed;

    /** An answer that is out, and once it was written what the prompt behind it begins with. */
    private static final class Answered {
        final MlxModel model;
        final PromptRequest request;
        final Prompt prompt;
        final AiMessage answer;
        final int[] generated;
        NextPrompt next;

        Answered(MlxModel model, PromptRequest request, Prompt prompt, AiMessage answer, int[] generated) {
            this.model = model;
            this.request = request;
            this.prompt = prompt;
            this.answer = answer;
            this.generated = generated;
        }

        /** Whether it is likely that there will be another prompt, and that it may use what is there. */
        boolean mayComeBack() {
            Object id = request.conversation();
            boolean named = ConversationKey.isolates(id);
            return named
                    || request.isolation() == Isolation.SHARED
                            && (answer.hasToolExecutionRequests()
                                    || request.messages().stream().anyMatch(AiMessage.class::isInstance));
        }

        boolean isOf(Object conversation) {
            return conversation != null && conversation.equals(request.conversation());
        }
    }

    /** A request of a conversation begins: what was to be computed for it is its own now. */
    synchronized void asked(Object conversation) {
        answers.removeIf(answered -> answered.isOf(conversation));
    }

    /**
     * An answer is out.
     *
     * @param request what it was asked with, without the schema of this answer
     */
    void answered(MlxModel model, PromptRequest request, Prompt prompt, AiMessage answer, int[] generated) {
        Answered answered = new Answered(model, request, prompt, answer, generated);
        synchronized (this) {
            if (!closed && answered.mayComeBack()) {
                asked(request.conversation());
                if (answers.size() == ANSWERS_MAX) {
                    answers.removeFirst();
                }
                answers.addLast(answered);
            }
            if (!closed && worker == null && !answers.isEmpty()) {
                worker = Thread.ofVirtual().name("mlx-compute-ahead").start(this::work);
            }
        }
    }

    private void work() {
        try {
            do {
                Thread.sleep(PAUSE_MILLIS);
            } while (computeNext());
        } catch (InterruptedException e) {
            // closed
        } finally {
            ended();
        }
    }

    /** Whether it does nothing now. */
    synchronized boolean isAtRest() {
        return worker == null;
    }

    private synchronized void ended() {
        if (worker == Thread.currentThread()) {
            worker = null;
        }
    }

    /** Computes what is next while the model is idle; whether there may be more. */
    private boolean computeNext() throws InterruptedException {
        Answered answered = nextIfIdle();
        if (answered == null) {
            return false;
        }
        boolean done = true;
        try {
            done = compute(answered);
        } catch (RuntimeException | ExecutionException e) {
            log.debug("The next prompt of a conversation was not computed ahead", e);
        }
        synchronized (this) {
            if (done) {
                answers.remove(answered);
            }
        }
        return true;
    }

    /** Ends the worker if there is nothing to do now; the next answer starts another one. */
    private synchronized Answered nextIfIdle() {
        Answered next = answers.peekFirst();
        if (closed || next == null || !next.model.engine().isIdle()) {
            worker = null;
            return null;
        }
        return next;
    }

    /** Whether it need not be tried again. */
    private static boolean compute(Answered answered) throws InterruptedException, ExecutionException {
        MlxModel model = answered.model;
        if (answered.next == null) {
            Optional<NextPrompt> next = NextPrompt.of(
                    model.prompts(),
                    model.tokenizer(),
                    answered.request,
                    answered.prompt,
                    answered.answer,
                    answered.generated,
                    Engine.AHEAD_TOKENS_MIN);
            if (next.isEmpty()) {
                return true;
            }
            answered.next = next.get();
        }
        return model.engine()
                .computeAhead(
                        answered.next.tokens(),
                        answered.next.boundaries(),
                        answered.next.pictures(),
                        answered.request.conversation(),
                        answered.request.isolation())
                .get();
    }

    /** Also those without a memory ID, which a predicate cannot be asked for. It is called without a lock. */
    @Override
    public void evicted(Predicate<Object> conversations) {
        List<Answered> all;
        synchronized (this) {
            all = List.copyOf(answers);
        }
        for (Answered answered : all) {
            Object id = answered.request.conversation();
            if (id == null || conversations.test(id)) {
                synchronized (this) {
                    answers.remove(answered);
                }
            }
        }
    }

    /** Nothing more is written, and nothing is any more when this returns. */
    @Override
    public void close() throws InterruptedException {
        Thread running;
        synchronized (this) {
            closed = true;
            answers.clear();
            running = worker;
        }
        if (running != null) {
            running.interrupt();
            running.join();
        }
    }
}
