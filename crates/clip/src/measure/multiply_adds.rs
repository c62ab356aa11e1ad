//! The multiply-adds of a run, counted from what oneDNN and MKL print about the products and convolutions that they do.
//!
//! Both libraries print one line for each call when a variable of the environment says so ("Verbose Mode" in the oneDNN
//! Developer Guide, "Using Intel oneMKL Verbose Mode" in the oneMKL Developer Guide). libtorch leaves all large products
//! to them.

/// The variables that make the libraries print, with their values. The libraries read them once, so that they must be set
/// before the process starts.
pub const VERBOSE_VARIABLES: [(&str, &str); 2] = [("ONEDNN_VERBOSE", "profile_exec"), ("MKL_VERBOSE", "1")];

/// The multiply-adds of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MultiplyAdds {
    /// The number of multiply-adds.
    pub count: u64,
    /// The number of calls whose size is not printed, so that `count` lacks them.
    pub uncounted_calls: u64,
}

/// Counts the multiply-adds of a run from what its process printed.
#[must_use]
pub fn count_multiply_adds(printed: &str) -> MultiplyAdds {
    let mut sum = MultiplyAdds::default();
    for line in printed.lines() {
        let counted = if let Some(call) = line.strip_prefix("onednn_verbose,") {
            one_dnn_call(call)
        } else if let Some(call) = line.strip_prefix("MKL_VERBOSE ") {
            mkl_call(call)
        } else {
            continue;
        };
        match counted {
            Call::Counted(count) => sum.count += count,
            Call::Uncounted => sum.uncounted_calls += 1,
            Call::NoProduct => {}
        }
    }
    sum
}

enum Call {
    Counted(u64),
    Uncounted,
    NoProduct,
}

/// Reads `v1,primitive,exec,cpu,KIND,…,SHAPE,MILLISECONDS`.
fn one_dnn_call(call: &str) -> Call {
    let fields: Vec<&str> = call.split(',').collect();
    let ["v1", "primitive", "exec", _, kind, .., shape, _] = fields.as_slice() else { return Call::NoProduct };
    let count = match *kind {
        "convolution" | "deconvolution" => convolution(shape),
        "inner_product" => product(["mb", "ic", "oc"].map(|name| number_after(shape, name))).map(|count| {
            count * ["id", "ih", "iw"].map(|name| number_after(shape, name).unwrap_or(1)).iter().product::<u64>()
        }),
        "matmul" => matmul(shape),
        _ => return Call::NoProduct,
    };
    count.map_or(Call::Uncounted, Call::Counted)
}

/// Counts a convolution of a shape such as `g32mb1_ic32oc32_ih112oh112kh3sh1dh0ph1_iw112ow112kw3sw1dw0pw1`.
fn convolution(shape: &str) -> Option<u64> {
    let outputs = product(["mb", "oc"].map(|name| number_after(shape, name)))?;
    let groups = number_after(shape, "g").unwrap_or(1).max(1);
    let inputs = number_after(shape, "ic")? / groups;
    let spatial = ["od", "oh", "ow", "kd", "kh", "kw"].map(|name| number_after(shape, name).unwrap_or(1));
    Some(outputs * inputs * spatial.iter().product::<u64>())
}

/// Counts a product of matrices of shapes such as `6x50x32:6x32x70`.
fn matmul(shapes: &str) -> Option<u64> {
    let (left, right) = shapes.split_once(':')?;
    let dimensions = |shape: &str| shape.split('x').map(str::parse).collect::<Result<Vec<u64>, _>>().ok();
    let (left, right) = (dimensions(left)?, dimensions(right)?);
    let [batches @ .., rows, inner] = left.as_slice() else { return None };
    let [other_batches @ .., _, columns] = right.as_slice() else { return None };
    // A dimension of one is repeated to match the other side.
    let batches: u64 = batches.iter().zip(other_batches).map(|(a, b)| a.max(b)).product();
    Some(batches * rows * inner * columns)
}

/// Reads `SGEMM(N,N,rows,columns,inner,…) …` and the like.
fn mkl_call(call: &str) -> Call {
    let Some((name, arguments)) = call.split_once('(') else { return Call::NoProduct };
    let arguments: Vec<&str> = arguments.split(',').collect();
    let sizes = |range: std::ops::Range<usize>| product(arguments.get(range)?.iter().map(|size| size.parse().ok()));
    let count = match name {
        "SGEMM" | "DGEMM" | "GEMM_BF16BF16F32" | "GEMM_F16F16F32" | "GEMM_S8U8S32" => sizes(2..5),
        "SGEMV" | "DGEMV" => sizes(1..3),
        // Such calls print where their sizes lie, and not the sizes.
        name if name.contains("GEMM") => None,
        _ => return Call::NoProduct,
    };
    count.map_or(Call::Uncounted, Call::Counted)
}

fn product(numbers: impl IntoIterator<Item = Option<u64>>) -> Option<u64> {
    numbers.into_iter().product()
}

/// Returns the number behind a name in a shape such as `mb1_ic3oc32`.
fn number_after(shape: &str, name: &str) -> Option<u64> {
    let is_letter = |before: &str| before.ends_with(|c: char| c.is_ascii_alphabetic());
    let begin = shape.match_indices(name).find(|(at, _)| !is_letter(&shape[..*at]))?.0 + name.len();
    let digits = shape[begin..].split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(line: &str) -> MultiplyAdds {
        count_multiply_adds(line)
    }

    fn counted(count: u64) -> MultiplyAdds {
        MultiplyAdds { count, uncounted_calls: 0 }
    }

    #[test]
    fn products_and_convolutions_of_onednn_are_counted() {
        for (kind, shape, expected) in [
            ("convolution", "mb2_ic3oc8_ih16oh13kh4sh1dh0ph0_iw16ow13kw4sw1dw0pw0", 2 * 8 * 13 * 13 * 3 * 4 * 4),
            ("convolution", "g32mb1_ic32oc32_ih112oh112kh3sh1dh0ph1_iw112ow112kw3sw1dw0pw1", 32 * 112 * 112 * 3 * 3),
            ("inner_product", "mb197ic1024oc4096", 197 * 1_024 * 4_096),
            ("inner_product", "mb1ic8ih7iw7oc10", 8 * 7 * 7 * 10),
            ("matmul", "197x1024:1024x4096", 197 * 1_024 * 4_096),
            ("matmul", "6x50x32:1x32x70", 6 * 50 * 32 * 70),
            ("reorder", "1024x1024", 0),
        ] {
            let line =
                format!("onednn_verbose,v1,primitive,exec,cpu,{kind},jit,undef,src:f32::,attr-x:user,,{shape},0.05");
            assert_eq!(count(&line), counted(expected), "{line}");
        }
        assert_eq!(count("onednn_verbose,v1,info,cpu,runtime:OpenMP,nthr:1"), counted(0));
    }

    #[test]
    fn products_of_mkl_are_counted() {
        let sgemm = "MKL_VERBOSE SGEMM(T,N,197,64,32,0x7ffe,0x5570,1024,0x5570,1024,0x7ffe,0x55,197) 132.46us CNR:OFF";
        let gemv = "MKL_VERBOSE SGEMV(t,32,50,0x7ffc,0x55a1,32,0x55a1,70,0x7ffc,0x55,1) 14.07us CNR:OFF";
        let halves = "MKL_VERBOSE GEMM_BF16BF16F32(N,N,32,18,50,0x7ff,0x55,32,0x55,50,0x7f,0x55,32) 5.50us";
        let other = "MKL_VERBOSE oneMKL 2024.0 Update 2 Product build 20240605 for Intel(R) 64 architecture";
        let all = [sgemm, gemv, halves, other, "no such line"].join("\n");
        assert_eq!(count(&all), counted(197 * 64 * 32 + 32 * 50 + 32 * 18 * 50));
    }

    #[test]
    fn calls_of_unknown_size_are_told() {
        let batch = "MKL_VERBOSE SGEMM_BATCH(N,N,0x7ffc,0x7ffc,0x7ffc,0x7ffc) 176.54us";
        let matmul = "onednn_verbose,v1,primitive,exec,cpu,matmul,jit,undef,src:f32::,,,197x?:9x9,0.05";
        assert_eq!(count(&[batch, matmul].join("\n")), MultiplyAdds { count: 0, uncounted_calls: 2 });
    }
}
