"""The planted mistakes in a student's words: what it looks like, and the line to look at."""

ERROR = "dL_da = 2 * (y_pred - y_true)"
THROUGH = "dL_dz = dL_da * model.df[l](model.z[l])"
WEIGHTS = "model.dL_dw[l] = dL_dz.T @ model.a[l - 1]"
BIAS = "model.dL_db[l] = dL_dz.sum(0)"
BELOW = "dL_da = dL_dz @ model.fc[str(l)].weight"
LOOP = "for l in range(model.L, 0, -1):"
RESULT = "what becomes of dL_dw and dL_db after they are computed"

IN_WORDS = {  # the words: (the line to look at, names of PLANTED_GRADIENTS)
    "the factor 2 of the squared error is missing": (ERROR, ["factor 2 forgotten"]),
    "the sign is wrong, as if y_pred and y_true were interchanged": (ERROR, ["sign"]),
    "the mean over the batch, 1/N times the sum that main_test expects": (
        ERROR,
        ["divided by the batch"],
    ),
    "the mean over the outputs, 1/n_L times the sum that main_test expects": (
        ERROR,
        ["divided by the outputs"],
    ),
    "the mean over batch and outputs, as nn.MSELoss() takes it: 1/(N n_L) times the sum that "
    "main_test expects": (ERROR, ["divided by both"]),
    "the slope of |y_pred - y_true|, not of its square": (ERROR, ["slope of the absolute error"]),
    "the error is y_pred alone: y_true is not used": (ERROR, ["target not used"]),
    "the error is y_true alone: y_pred is not used": (ERROR, ["target alone"]),
    "the error is y_pred - y_true, as for a softmax with cross-entropy: the factor 2 and the "
    "derivative at the output layer are missing": (ERROR, ["error of cross-entropy"]),
    "the slope of the root of the squared error, not of the squared error itself": (
        ERROR,
        ["error divided by its norm"],
    ),
    "the error is averaged over the outputs: each output has its own": (
        ERROR,
        ["error averaged over the outputs"],
    ),
    "the error is squared: the loss stands where its slope belongs": (ERROR, ["residual squared"]),
    "the error has lost its sign (abs)": (ERROR, ["residual's size"]),
    "the error at the output is summed over the batch before it is propagated": (
        ERROR,
        ["error summed over the batch first"],
    ),
    "the error at the output is averaged over the batch before it is propagated": (
        ERROR,
        ["error averaged over the batch first"],
    ),
    "the factor 2 is applied again in every layer": (THROUGH, ["factor 2 in every layer"]),
    "the first sample of the batch alone": (WEIGHTS, ["first sample alone"]),
    "the last sample of the batch alone, as if a loop overwrote instead of added": (
        WEIGHTS,
        ["last sample alone"],
    ),
    "the first sample of the batch is left out": (WEIGHTS, ["first sample dropped"]),
    "the last sample of the batch is left out": (WEIGHTS, ["last sample dropped"]),
    "dL_dw is that of the first sample alone": (WEIGHTS, ["weights of the first sample"]),
    "dL_dw is that of the last sample alone": (WEIGHTS, ["weights of the last sample"]),
    "dL_db is that of the first sample alone": (BIAS, ["bias of the first sample"]),
    "dL_db is that of the last sample alone": (BIAS, ["bias of the last sample"]),
    "dL_dw is the mean over the batch, not the sum": (WEIGHTS, ["batch averaged in the weights"]),
    "dL_db is the mean over the batch, not the sum": (BIAS, ["batch averaged in the bias"]),
    "dL_dw is made of sums over the batch: sum the products of the samples instead": (
        WEIGHTS,
        ["batch collapsed first"],
    ),
    "dL_dw is made of means over the batch: sum the products of the samples instead": (
        WEIGHTS,
        ["batch collapsed, averaged", "batch averaged, then multiplied"],
    ),
    "dL_dw takes the a of the first sample for all samples": (
        WEIGHTS,
        ["input averaged over the batch"],
    ),
    "dL_dw is not summed over the batch: it has an axis too many": (
        WEIGHTS,
        ["weights keep the batch axis"],
    ),
    "dL_db is not summed over the batch: it must have the shape (n_l,)": (
        BIAS,
        ["bias not summed", "bias squeezed", "bias squeezed of all axes"],
    ),
    "dL_db keeps an axis of length 1: it must have the shape (n_l,)": (
        BIAS,
        ["bias keeps a batch axis", "bias as a column"],
    ),
    "dL_db is a transposed dL_dz, not its sum over the batch": (BIAS, ["bias transposed"]),
    "dL_db is summed over the units, sum(1), not over the batch, sum(0)": (
        BIAS,
        ["bias summed over the units", "bias summed over the wrong axis"],
    ),
    "dL_db is summed over batch and units: each unit has its own": (
        BIAS,
        ["bias summed to one number", "bias is one number for all"],
    ),
    "dL_db is averaged over batch and units": (BIAS, ["bias averaged over everything"]),
    "dL_db is zero": (BIAS, ["bias dropped"]),
    "dL_db is never set": (BIAS, ["biases not set"]),
    "dL_dw is never set": (WEIGHTS, ["weights not set"]),
    "dL_db is computed from dL_da: it lacks the derivative of the layer's own f": (
        BIAS,
        ["bias without the derivative"],
    ),
    "dL_dw is computed from dL_da: it lacks the derivative of the layer's own f": (
        WEIGHTS,
        ["weights without the derivative"],
    ),
    "dL_dw and dL_db are computed from dL_da: they lack the derivative of the layer's own f": (
        WEIGHTS,
        ["both without the derivative"],
    ),
    "dL_dw takes a[l], the layer's output, instead of a[l - 1], its input": (
        WEIGHTS,
        ["a of the same layer"],
    ),
    "dL_dw takes a[l + 1] instead of a[l - 1], the layer's input": (
        WEIGHTS,
        ["a of the layer above"],
    ),
    "dL_dw takes z[l - 1], before the activation, instead of a[l - 1]": (WEIGHTS, ["z for a"]),
    "dL_dw takes z[l] instead of a[l - 1], the layer's input": (
        WEIGHTS,
        ["z of the same layer for a"],
    ),
    "dL_dw takes the input x in every layer instead of a[l - 1]": (WEIGHTS, ["x in every layer"]),
    "dL_dw is transposed": (WEIGHTS, ["gradient transposed", "gradient transposed when square"]),
    "dL_dw is reshaped where it must be transposed": (WEIGHTS, ["gradient reshaped"]),
    "the weights are reshaped on the way to the layer below": (BELOW, ["weight reshaped"]),
    "dL_dw[1] takes f(x) instead of the input a[0] = x": (WEIGHTS, ["input activated"]),
    "batch and units are interchanged: the transpose is missing": (
        WEIGHTS,
        ["batch and unit confused when equal"],
    ),
    "there is no derivative of the activation at all": (THROUGH, ["no derivative"]),
    "the derivative is missing at the output layer": (THROUGH, ["no derivative at the output"]),
    "the derivative is missing in the hidden layers": (
        THROUGH,
        ["no derivative below the output"],
    ),
    "the derivative is applied twice": (THROUGH, ["derivative twice"]),
    "the derivative is applied twice at the output layer": (
        THROUGH,
        ["derivative twice at the output"],
    ),
    "the derivative is applied twice in the hidden layers": (
        THROUGH,
        ["derivative twice below the output"],
    ),
    "at the output layer the derivative is taken at a[l] instead of z[l]": (
        THROUGH,
        ["derivative at a at the output"],
    ),
    "in the hidden layers the derivative is taken at a[l] instead of z[l]": (
        THROUGH,
        ["derivative at a below the output"],
    ),
    "the derivative has the wrong sign": (THROUGH, ["derivative with the wrong sign"]),
    "the derivative is taken at a[l] instead of z[l]": (
        THROUGH,
        ["derivative at a", "derivative 1 - tanh(a)^2"],
    ),
    "the derivative is taken at a[l - 1] instead of z[l]": (
        THROUGH,
        ["derivative at the input of the layer"],
    ),
    "the derivative is taken at z[l - 1] instead of z[l]": (
        THROUGH,
        ["derivative at z of the layer below"],
    ),
    "the derivative is taken at z[l + 1] instead of z[l]": (
        THROUGH,
        ["derivative at z of the layer above"],
    ),
    "the derivative is df[l - 1], that of another layer, the one below": (
        THROUGH,
        ["derivative of the layer below"],
    ),
    "the derivative is df[l + 1], that of another layer, the one above": (
        THROUGH,
        ["derivative of the layer above"],
    ),
    "the derivative is df[1] in every layer: the other layers have their own": (
        THROUGH,
        ["derivative of the first layer"],
    ),
    "the derivative is df[L] in every layer: the other layers have their own": (
        THROUGH,
        ["derivative of the last layer"],
    ),
    "the derivative is that of the first sample for all samples": (
        THROUGH,
        ["derivative of the first sample"],
    ),
    "the derivative is cut off at 1": (THROUGH, ["derivative cut at 1"]),
    "f[l] stands where its derivative df[l] belongs": (THROUGH, ["f for df"]),
    "the derivative is that of tanh, 1 - tanh(z)^2, whatever f[l] is": (
        THROUGH,
        ["derivative always tanh's"],
    ),
    "the derivative is that of tanh, 1 - a^2, whatever f[l] is": (
        THROUGH,
        ["derivative of tanh through a"],
    ),
    "the derivative is 1 - z^2: tanh's is 1 - a^2 = 1 - tanh(z)^2": (
        THROUGH,
        ["derivative 1 - z^2"],
    ),
    "the derivative is 1 - a = 1 - tanh(z), the square is missing: tanh's is 1 - a^2": (
        THROUGH,
        ["derivative 1 - a", "derivative 1 - tanh(z)"],
    ),
    "the derivative is 1 - 2 tanh(z), twice where the square belongs: tanh's is 1 - a^2": (
        THROUGH,
        ["derivative 1 - 2 a", "derivative 1 - 2 tanh(z)"],
    ),
    "the derivative is 1 + a^2: tanh's is 1 - a^2": (THROUGH, ["derivative 1 + a^2"]),
    "the derivative is a^2: tanh's is 1 - a^2": (THROUGH, ["derivative a^2"]),
    "the derivative is 1 / cosh(z), the square is missing: tanh's is 1 / cosh(z)^2": (
        THROUGH,
        ["derivative 1 / cosh(z)"],
    ),
    "the derivative is 1 - df(z)^2: df[l] is the derivative already": (
        THROUGH,
        ["derivative 1 - df(z)^2"],
    ),
    "the derivative is that of a sigmoid, a (1 - a), whatever f[l] is": (
        THROUGH,
        ["derivative of sigmoid through a"],
    ),
    "the derivative is z (1 - z): a sigmoid's is a (1 - a)": (
        THROUGH,
        ["derivative of sigmoid through z"],
    ),
    "the derivative is that of a sigmoid whatever f[l] is": (
        THROUGH,
        ["derivative always sigmoid's"],
    ),
    "the derivative is that of a ReLU whatever f[l] is": (THROUGH, ["derivative always relu's"]),
    "the gradient is summed over the batch before it goes to the layer below": (
        BELOW,
        ["propagated after the sum over the batch"],
    ),
    "the gradient is averaged over the batch before it goes to the layer below": (
        BELOW,
        ["propagated after the mean over the batch"],
    ),
    "the first sample's gradient goes to the layer below for all samples": (
        BELOW,
        ["first sample propagated"],
    ),
    "dL_da goes to the layer below instead of dL_dz: the derivative is lost on the way": (
        BELOW,
        ["dL_da propagated"],
    ),
    "the gradient goes to the layer below without the weights": (
        BELOW,
        ["not multiplied by the weights"],
    ),
    "a bias is added on the way to the layer below: only the weights multiply": (
        BELOW,
        ["bias added on the way down", "bias added before the weights"],
    ),
    "the weights are left out on the way to the layer below: every weight counts as 1": (
        BELOW,
        ["weights left out on the way down"],
    ),
    "the gradient of the layer below is added to dL_da (+=) where it must take its place (=)": (
        BELOW,
        ["dL_da added to"],
    ),
    "the gradient goes forward through the layer, W.T and bias, instead of back": (
        BELOW,
        ["forward once more on the way down"],
    ),
    "dL_da is never updated: every layer gets the error at the output": (
        BELOW,
        ["output error in every layer"],
    ),
    "the weights are transposed on the way to the layer below": (
        BELOW,
        ["weight transposed", "weight not transposed when square"],
    ),
    "the weights on the way down are those of the layer below, fc[str(l - 1)]": (
        BELOW,
        ["weights of the layer below", "weights of another layer"],
    ),
    "the weights on the way down are those of the layer above, fc[str(l + 1)]": (
        BELOW,
        ["weights of the layer above"],
    ),
    "the weights on the way down are those of an earlier call": (
        BELOW,
        ["weights of the first call", "weights of the first call of each shape"],
    ),
    "the layers are gone through from the first to the last": (
        LOOP,
        ["layers from the first to the last"],
    ),
    "the layers are sorted as text, so that 10 stands before 2": (
        LOOP,
        ["layers in the order of their names"],
    ),
    "the first layer is left out: its gradients are never set": (LOOP, ["first layer left out"]),
    "the last layer is left out: its gradients are never set": (
        LOOP,
        ["last layer left out", "last layer not set"],
    ),
    "only the last layer has gradients": (LOOP, ["last layer alone"]),
    "the gradients are stored one layer too low, at l - 1": (LOOP, ["stored one layer too low"]),
    "the gradients are stored one layer too high, at l + 1": (LOOP, ["stored one layer too high"]),
    "dL_dw[1] is never set": (LOOP, ["first layer not set"]),
    "dL_dw[L] is not set": (LOOP, ["last layer deleted"]),
    "dL_dw[1] is zero": (RESULT, ["first layer lost"]),
    "dL_db[L] is zero": (RESULT, ["last layer lost"]),
    "dL_dw and dL_db are never set for the layers 1, ..., L (numbers, not text)": (
        WEIGHTS,
        ["nothing set", "stored under text"],
    ),
    "the gradients are stored in the reverse order of the layers": (
        LOOP,
        ["stored in reverse order"],
    ),
    "the gradients of two layers are interchanged": (WEIGHTS, ["layers in the wrong order"]),
    "all gradients are zero": (RESULT, ["zeros", ".grad copied"]),
    "all gradients are NaN": (RESULT, ["NaN"]),
    "all gradients are infinite": (RESULT, ["infinite"]),
    "one entry of a gradient is overwritten": (
        RESULT,
        ["NaN in one entry", "NaN in one bias", "infinite in one entry", "one entry zero"],
    ),
    "the gradients are clipped: small ones are right, large ones are cut off": (
        RESULT,
        ["clipped", "clipped by norm"],
    ),
    "the gradients are rounded": (RESULT, ["rounded to 6 digits"]),
    "the gradients are off by a little, always by the same share or number": (
        RESULT,
        ["off by one part in 1e10", "off by 1e-9"],
    ),
    "small gradients are set to zero": (
        RESULT,
        ["small ones flushed to zero", "tiny ones flushed to zero"],
    ),
    "random numbers are added to the gradients": (RESULT, ["noise"]),
    "the gradients are flattened: each must have its parameter's shape": (RESULT, ["flattened"]),
    "the gradients are lists, not tensors": (RESULT, ["a list"]),
    "the gradients are numpy arrays, not tensors": (RESULT, ["a numpy array"]),
    "differences of the loss, such as (L(p + h) - L(p - h)) / 2h, stand in the place of "
    "derivatives: they are right to a few digits alone": (
        "what calls the forward pass for every parameter",
        ["differences of the loss"],
    ),
    "single precision somewhere: in double precision the gradients are off by about 1e-8": (
        "a float32 on the way: .float(), torch.FloatTensor, dtype=torch.float32",
        ["single precision inside", "single precision of a", "single precision of the weights"],
    ),
    "the gradients are in single precision, the net is in double": (
        "a float32 on the way: .float(), torch.FloatTensor, dtype=torch.float32",
        ["results in single precision"],
    ),
    "the gradients are in double precision whatever the net's is": (
        "a .double() on the way",
        ["results in double precision"],
    ),
    "NaN is replaced by numbers": ("torch.nan_to_num on the way", ["NaN hidden"]),
    "the gradients of the call before are still there, and added to": (
        "model.dL_dw[l] = ..., not +=, or set to zero at the start",
        ["accumulating", "accumulating in full"],
    ),
    "the weights are moved inside the pass before the gradient goes through them: only the "
    "optimizer moves them": (BELOW, ["weights updated inside"]),
    "the weights are moved inside the pass: only the optimizer moves them": (
        "what changes weight or bias: -=, sub_, .data, optimizer.step()",
        [
            "weights moved by 0.1 of the gradient",
            "weights moved by 1e-9 of the gradient",
            "weights moved by 1e-9",
            "weights moved by one bit",
        ],
    ),
    "twice the gradients, for some batches or nets only": (
        "every `if`: what it asks of the batch or the net",
        [
            "wrong for one sample",
            "wrong for two samples",
            "wrong for more than one",
            "wrong for large batches",
            "wrong for odd batches",
            "wrong for deep nets",
            "wrong for one layer",
            "wrong for wide nets",
            "wrong for very wide nets",
            "wrong for very large batches",
            "wrong for one unit",
            "wrong for one output",
            "wrong for other functions",
            "wrong for wide targets",
            "wrong without a graph",
            "wrong in single precision",
        ],
    ),
}
