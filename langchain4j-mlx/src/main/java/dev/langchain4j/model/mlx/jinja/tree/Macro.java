package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.python.Args;
import dev.langchain4j.model.mlx.jinja.python.Dict;
import dev.langchain4j.model.mlx.jinja.python.Markup;
import dev.langchain4j.model.mlx.jinja.python.PyObject;
import dev.langchain4j.model.mlx.jinja.python.Render;
import dev.langchain4j.model.mlx.jinja.python.Repr;
import dev.langchain4j.model.mlx.jinja.python.Tuple;
import dev.langchain4j.model.mlx.jinja.python.Undefined;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A macro as a value: its definition and the frame that it was defined in. */
public record Macro(Definition definition, Frame frame) implements PyObject.Callable {

    @Override
    public Object call(Render render, Args args) {
        String text = definition.call(frame, args);
        return render.autoescape ? new Markup(text) : text;
    }

    @Override
    public Object attribute(String name) {
        return switch (name) {
            case "name" -> definition.name;
            case "arguments" ->
                new Tuple(
                        definition.parameters.stream().map(p -> (Object) p.name).toArray());
            case "catch_kwargs" -> definition.kwargsSlot >= 0;
            case "catch_varargs" -> definition.varargsSlot >= 0;
            case "caller" -> definition.usesCaller;
            default -> Values.MISSING;
        };
    }

    @Override
    public String module() {
        return "jinja2.runtime.";
    }

    @Override
    public String describe() {
        return "<Macro " + (definition.name == null ? "anonymous" : Repr.repr(definition.name)) + ">";
    }

    /** Parameters and body of a macro or of a call block. */
    public static final class Definition {
        private final String name;
        private final List<Target.Variable> parameters;
        /** The defaults of the last parameters. */
        private final List<Expr> defaults;

        private final List<Stmt> body;
        private Scope scope;
        private Scope.Entry entry;
        private int[] slots;
        private boolean usesCaller;
        private int callerSlot = -1;
        private int kwargsSlot = -1;
        private int varargsSlot = -1;
        private final List<Undefined> notProvided = new ArrayList<>();
        /** How deeply its parts are nested. */
        private int height;

        public Definition(String name, List<Target.Variable> parameters, List<Expr> defaults, List<Stmt> body) {
            this.name = name;
            this.parameters = parameters;
            this.defaults = defaults;
            this.body = body;
            parameters.forEach(parameter -> {
                parameter.parameter = true;
                notProvided.add(Undefined.hint("parameter " + Repr.repr(parameter.name) + " was not provided"));
            });
        }

        List<Node> children() {
            List<Node> children = new ArrayList<>(parameters);
            children.addAll(defaults);
            children.addAll(body);
            return children;
        }

        void bind(Scope outer, Node at) {
            scope = outer.innerActivation();
            height = 1 + children().stream().mapToInt(Node::height).max().orElse(0);
            parameters.forEach(parameter -> parameter.declareParameters(scope));
            usesCaller = Names.undeclared(body, "caller");
            int explicitCaller = parameterIndex("caller");
            if (usesCaller && explicitCaller >= 0 && explicitCaller < parameters.size() - defaults.size()) {
                throw at.failure("When defining macros or call blocks the special \"caller\" argument must be omitted"
                        + " or be given a default.");
            }
            if (usesCaller && explicitCaller < 0) {
                callerSlot = scope.parameter("caller").slot();
            }
            if (Names.undeclared(body, "kwargs") && parameterIndex("kwargs") < 0) {
                kwargsSlot = scope.parameter("kwargs").slot();
            }
            if (Names.undeclared(body, "varargs") && parameterIndex("varargs") < 0) {
                varargsSlot = scope.parameter("varargs").slot();
            }
            defaults.forEach(value -> value.declare(scope));
            body.forEach(statement -> statement.declare(scope));
            slots = parameters.stream()
                    .mapToInt(parameter -> scope.find(parameter.name).slot())
                    .toArray();
            defaults.forEach(value -> value.bind(scope, false));
            body.forEach(statement -> statement.bind(scope, false));
            entry = scope.entry();
        }

        private int parameterIndex(String name) {
            for (int i = 0; i < parameters.size(); i++) {
                if (parameters.get(i).name.equals(name)) {
                    return i;
                }
            }
            return -1;
        }

        private String call(Frame outer, Args args) {
            Render render = outer.render;
            Frame frame = new Frame(render, outer, scope.activation);
            bindArguments(frame, args);
            render.enter(height);
            try {
                return render.capture(() -> {
                    long mark = render.budget.mark();
                    entry.run(frame);
                    applyDefaults(frame);
                    Stmt.execAll(body, frame);
                    render.budget.release(mark);
                });
            } finally {
                render.leave(height);
            }
        }

        private void bindArguments(Frame frame, Args args) {
            Object[] given = args.positional();
            int count = slots.length;
            Map<String, Object> keywords = args.keywords().isEmpty() ? Map.of() : new LinkedHashMap<>(args.keywords());
            for (int i = 0; i < count; i++) {
                String parameter = parameters.get(i).name;
                if (i < given.length) {
                    frame.slots[slots[i]] = given[i];
                } else if (keywords.containsKey(parameter)) {
                    frame.slots[slots[i]] = keywords.remove(parameter);
                }
            }
            if (callerSlot >= 0) {
                Object caller = keywords.isEmpty() ? null : keywords.remove("caller");
                frame.slots[callerSlot] = caller == null ? Undefined.hint("No caller defined") : caller;
            }
            if (kwargsSlot >= 0) {
                frame.slots[kwargsSlot] = new Dict(keywords);
            } else if (!keywords.isEmpty()) {
                throw TemplateException.type(
                        keywords.containsKey("caller")
                                ? "macro " + Repr.repr(name) + " was invoked with two values for the special caller"
                                        + " argument. This is most likely a bug."
                                : "macro " + Repr.repr(name) + " takes no keyword argument "
                                        + Repr.repr(keywords.keySet().iterator().next()));
            }
            if (varargsSlot >= 0) {
                frame.slots[varargsSlot] =
                        given.length > count ? new Tuple(Arrays.copyOfRange(given, count, given.length)) : Tuple.EMPTY;
            } else if (given.length > count) {
                throw TemplateException.type(
                        "macro " + Repr.repr(name) + " takes not more than " + count + " argument(s)");
            }
        }

        private void applyDefaults(Frame frame) {
            int required = slots.length - defaults.size();
            for (int i = 0; i < slots.length; i++) {
                if (frame.slots[slots[i]] == Values.MISSING) {
                    frame.slots[slots[i]] = i < required
                            ? notProvided.get(i)
                            : defaults.get(i - required).eval(frame);
                }
            }
        }
    }

    /** {@code macro}. */
    public static final class MacroStmt extends Stmt {
        private final Target.Variable target;
        private final Definition definition;
        private boolean exported;

        public MacroStmt(Position at, Target.Variable target, Definition definition) {
            super(at);
            this.target = target;
            this.definition = definition;
        }

        @Override
        List<Node> children() {
            return definition.children();
        }

        @Override
        void declare(Scope scope) {
            target.declare(scope);
        }

        @Override
        void bind(Scope scope, boolean soft) {
            definition.bind(scope, this);
            target.bind(scope, soft);
            exported = scope.parent == null;
        }

        @Override
        Signal exec(Frame frame) {
            target.assign(frame, new Macro(definition, frame));
            if (exported) {
                target.export(frame);
            }
            return Signal.NEXT;
        }
    }

    /** {@code call}: calls a macro that gets the body as its caller. */
    public static final class CallBlock extends Stmt {
        private final Access.Call call;
        private final Definition caller;

        public CallBlock(Position at, Access.Call call, Definition caller) {
            super(at);
            this.call = call;
            this.caller = caller;
        }

        @Override
        List<Node> children() {
            List<Node> children = new ArrayList<>(List.of(call));
            children.addAll(caller.children());
            return children;
        }

        @Override
        void declare(Scope scope) {
            call.declare(scope);
        }

        @Override
        void bind(Scope scope, boolean soft) {
            caller.bind(scope, this);
            call.bind(scope, soft);
        }

        @Override
        Signal exec(Frame frame) {
            frame.render.writeValue(call.evalWithCaller(frame, new Macro(caller, frame)));
            return Signal.NEXT;
        }
    }
}
