package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.model.mlx.jinja.filters.Globals;
import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The names of one block with a scope of its own, and the slots that they live in.
 *
 * <p>A name that is only read and that no outer scope knows comes from the context when the scope is entered; one
 * that is set lives in this scope, starting from the outer scope's value. What is set inside a loop or macro is so
 * invisible outside.
 */
final class Scope {

    /** Slots for the variables of all scopes that run in one activation: the template, a macro, a recursive loop. */
    static final class Activation {
        final int depth;
        int slots;

        Activation(int depth) {
            this.depth = depth;
        }
    }

    /** A place for a value. */
    record Variable(String name, Activation activation, int slot) {}

    /** How a variable gets its value when the scope is entered. */
    sealed interface Load {
        /** Whoever enters the scope sets it. */
        record Parameter() implements Load {}

        /** From the render's context. */
        record Resolve(String name) implements Load {}

        /** From an outer scope. */
        record Alias(Variable outer) implements Load {}

        /** From nowhere. */
        record Nothing() implements Load {}
    }

    final Scope parent;
    final Activation activation;
    private final Map<String, Variable> own;
    private final Map<String, Variable> refs;
    private final Map<Variable, Load> loads;
    private final Set<String> stores;

    private Scope(
            Scope parent,
            Activation activation,
            Map<String, Variable> own,
            Map<String, Variable> refs,
            Map<Variable, Load> loads,
            Set<String> stores) {
        this.parent = parent;
        this.activation = activation;
        this.own = own;
        this.refs = refs;
        this.loads = loads;
        this.stores = stores;
    }

    Scope(Scope parent, Activation activation) {
        this(parent, activation, new HashMap<>(), new HashMap<>(), new LinkedHashMap<>(), new HashSet<>());
    }

    /** A scope inside of this one, in the same activation. */
    Scope inner() {
        return new Scope(this, activation);
    }

    /** A scope inside of this one that is entered anew by each call. */
    Scope innerActivation() {
        return new Scope(this, new Activation(activation.depth + 1));
    }

    Variable find(String name) {
        Variable variable = refs.get(name);
        return variable != null || parent == null ? variable : parent.find(name);
    }

    private Variable define(String name, Load load) {
        Variable variable = own.computeIfAbsent(name, n -> new Variable(n, activation, activation.slots++));
        refs.put(name, variable);
        loads.put(variable, load);
        return variable;
    }

    void load(String name) {
        if (find(name) == null) {
            define(name, new Load.Resolve(name));
        }
    }

    void store(String name) {
        stores.add(name);
        if (!refs.containsKey(name)) {
            Variable outer = parent == null ? null : parent.find(name);
            define(name, outer == null ? new Load.Nothing() : new Load.Alias(outer));
        }
    }

    Variable parameter(String name) {
        stores.add(name);
        return define(name, new Load.Parameter());
    }

    /** Notes the names of branches of which one will run: what only a branch sets keeps its outer value otherwise. */
    void branches(List<? extends List<? extends Node>> branches) {
        List<Scope> copies = new ArrayList<>();
        Set<String> stored = new HashSet<>();
        for (List<? extends Node> branch : branches) {
            Budget.current().steps(3 + 3L * (refs.size() + loads.size()));
            Scope copy = new Scope(
                    parent, activation, own, new HashMap<>(refs), new LinkedHashMap<>(loads), new HashSet<>(stores));
            branch.forEach(node -> node.declare(copy));
            copies.add(copy);
            stored.addAll(copy.stores);
        }
        stored.removeAll(stores);
        for (Scope copy : copies) {
            refs.putAll(copy.refs);
            loads.putAll(copy.loads);
            stores.addAll(copy.stores);
        }
        for (String name : stored) {
            Variable outer = parent == null ? null : parent.find(name);
            loads.put(refs.get(name), outer == null ? new Load.Resolve(name) : new Load.Alias(outer));
        }
    }

    /** The steps that give the scope's variables their first values; asked for when all names are bound. */
    Entry entry() {
        List<Step> steps = new ArrayList<>();
        loads.forEach((variable, load) -> {
            switch (load) {
                case Load.Parameter() -> {}
                case Load.Resolve(String name) -> steps.add(new Step(variable.slot(), name, 0, -1));
                case Load.Alias(Variable outer) ->
                    steps.add(
                            new Step(variable.slot(), null, activation.depth - outer.activation().depth, outer.slot()));
                case Load.Nothing() -> steps.add(new Step(variable.slot(), null, 0, -1));
            }
        });
        int[] slots = own.values().stream().mapToInt(Variable::slot).toArray();
        return new Entry(steps.toArray(Step[]::new), slots);
    }

    private record Step(int slot, String name, int hops, int outerSlot) {}

    /** What entering a scope does. */
    static final class Entry {
        private final Step[] steps;

        private final int[] slots;

        private Entry(Step[] steps, int[] slots) {
            this.steps = steps;
            this.slots = slots;
        }

        /** Forgets the scope's values when it ends, as Jinja does. */
        void leave(Frame frame) {
            for (int slot : slots) {
                frame.slots[slot] = Values.MISSING;
            }
        }

        void run(Frame frame) {
            for (Step step : steps) {
                if (step.name != null) {
                    Object given = frame.render.resolve(step.name);
                    frame.slots[step.slot] = given == Values.MISSING ? Globals.find(step.name) : given;
                } else if (step.outerSlot >= 0) {
                    frame.slots[step.slot] = frame.outer(step.hops).slots[step.outerSlot];
                } else {
                    frame.slots[step.slot] = Values.MISSING;
                }
            }
        }
    }
}
