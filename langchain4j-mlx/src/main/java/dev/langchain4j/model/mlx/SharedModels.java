package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.model.mlx.hub.HuggingFaceHub;
import dev.langchain4j.model.mlx.hub.LocatedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The models that builders load by themselves. Equal folders and names are one model with one prompt cache, loaded when
 * the first user asks for it and closed by the last one. Thread-safe.
 */
final class SharedModels {
    private static final Map<LocatedModel, Slot> SLOTS = new HashMap<>();

    private SharedModels() {}

    /** A user's hold on a model. */
    interface Share extends AutoCloseable {
        /**
         * The model.
         *
         * @throws NonRetriableException if this share is closed
         */
        MlxModel model();

        /** Gives the model back, which the last user closes. Idempotent. */
        @Override
        void close();
    }

    /** A share of a model that belongs to the caller: closing it does nothing. */
    static Share borrowed(MlxModel model) {
        return new Share() {
            @Override
            public MlxModel model() {
                return model;
            }

            @Override
            public void close() {}
        };
    }

    /** Loads the model of a folder or a name, unless it is loaded already; waits while another thread loads it. */
    static Share acquire(Path folder, String modelName, HuggingFaceHub hub) {
        LocatedModel located = ModelSettings.locate(folder, modelName, hub);
        LocatedModel key = new LocatedModel(located.name(), real(located.folder()));
        Slot slot;
        synchronized (SLOTS) {
            slot = SLOTS.computeIfAbsent(key, Slot::new);
            slot.users++;
        }
        try {
            return new Counted(slot, slot.model());
        } catch (Throwable e) {
            slot.leave();
            throw e;
        }
    }

    /** The folder itself, whatever links lead to it; what is missing is told by who loads it. */
    private static Path real(Path folder) {
        try {
            return folder.toRealPath();
        } catch (IOException e) {
            return folder;
        }
    }

    private static final class Counted implements Share {
        private final Slot slot;
        private final MlxModel model;
        private final AtomicBoolean closed = new AtomicBoolean();

        Counted(Slot slot, MlxModel model) {
            this.slot = slot;
            this.model = model;
        }

        @Override
        public MlxModel model() {
            if (closed.get()) {
                throw new NonRetriableException("this user of the model " + model.name() + " is closed");
            }
            return model;
        }

        @Override
        public void close() {
            if (closed.compareAndSet(false, true)) {
                slot.leave();
            }
        }
    }

    /** A model and the number of its users. Its lock is held while the model is loaded or closed. */
    private static final class Slot {
        private final LocatedModel key;
        /** Guarded by {@link #SLOTS}, which is held briefly. */
        private int users;

        private MlxModel model;

        Slot(LocatedModel key) {
            this.key = key;
        }

        synchronized MlxModel model() {
            // A user may have closed it by itself.
            if (model == null || model.isClosed()) {
                model = MlxModel.builder()
                        .modelPath(key.folder())
                        .name(key.name())
                        .build();
            }
            return model;
        }

        synchronized void leave() {
            synchronized (SLOTS) {
                users--;
                if (users > 0) {
                    return;
                }
            }
            // Still in the map: who comes now waits for the end and loads it anew, so that it is never there twice.
            MlxModel last = model;
            model = null;
            try {
                if (last != null) {
                    last.close();
                }
            } finally {
                synchronized (SLOTS) {
                    if (users == 0) {
                        SLOTS.remove(key);
                    }
                }
            }
        }
    }
}
