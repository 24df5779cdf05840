package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.model.mlx.jinja.python.Render;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.Arrays;

/** The variables of one activation: the template itself, a call of a macro, a level of a recursive loop. */
final class Frame {

    final Render render;
    final Frame parent;
    final Object[] slots;

    Frame(Render render, Frame parent, Scope.Activation activation) {
        this.render = render;
        this.parent = parent;
        this.slots = new Object[activation.slots];
        Arrays.fill(slots, Values.MISSING);
    }

    Frame outer(int hops) {
        Frame frame = this;
        for (int i = 0; i < hops; i++) {
            frame = frame.parent;
        }
        return frame;
    }
}
