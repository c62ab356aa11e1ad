//! The times of preparing a picture, and of encoding pictures and texts with models/demo through the queues. The
//! command is `cargo bench --bench encode`.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use image::{Rgb, RgbImage};
use mitsuke_clip::{
    Crop, DeviceChoice, Encoder, EncoderOptions, Interpolation, Preprocessing, Preprocessor, Priority, Resize,
};
use tokio::runtime::Builder;

/// Makes a picture of 12 megapixels with structure at every scale.
fn photograph() -> RgbImage {
    RgbImage::from_fn(4_000, 3_000, |x, y| {
        let byte = |v: u32| (v & 0xff) as u8;
        Rgb([byte((x * y) >> 6), byte(x ^ y), byte((x * 7 + y * 13) >> 3)])
    })
}

fn preprocessing(c: &mut Criterion) {
    let picture = photograph();
    let mut group = c.benchmark_group("preprocess 12 MP");
    group.sample_size(20);
    for (name, interpolation) in [("bicubic", Interpolation::Bicubic), ("bilinear", Interpolation::Bilinear)] {
        let preprocessor = Preprocessor::new(&Preprocessing {
            height: 224,
            width: 224,
            resize: Resize::ShortestEdge { size: 224 },
            crop: Crop::Center,
            interpolation,
            mean: [0.5; 3],
            std: [0.5; 3],
        });
        group.bench_function(name, |b| b.iter(|| preprocessor.prepare(black_box(&picture))));
    }
    group.finish();
}

fn encoding(c: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/demo");
    // The queue waits for a full batch, so that the encoded batches have the size that the benchmark names.
    let options = EncoderOptions {
        device: DeviceChoice::Auto,
        max_batch: 16,
        max_wait: Duration::from_millis(20),
        query_cache: 0,
        ..EncoderOptions::default()
    };
    let alone = EncoderOptions { max_batch: 1, ..options };
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let prepared = |encoder: &Encoder| encoder.preprocess(&photograph());

    for (size, options) in [(1, alone), (8, EncoderOptions { max_batch: 8, ..options })] {
        let encoder = Encoder::load(&folder, &options).expect("models/demo loads");
        let image = prepared(&encoder);
        let mut group = c.benchmark_group("encode images");
        group.sample_size(20).throughput(Throughput::Elements(size));
        group.bench_function(format!("batch {size}"), |b| {
            b.iter_batched(
                || vec![image.clone(); size as usize],
                |images| {
                    let encoding = images.into_iter().map(|image| encoder.encode_image(image, Priority::Upload));
                    runtime.block_on(join_all(encoding))
                },
                BatchSize::SmallInput,
            );
        });
        group.finish();
    }
    for (size, options) in [(1, alone), (16, options)] {
        let encoder = Encoder::load(&folder, &options).expect("models/demo loads");
        let texts = ["夕焼けの海", "赤い車", "雪の積もった山と小さな家", "a cat on a red sofa"];
        let mut group = c.benchmark_group("encode texts");
        group.throughput(Throughput::Elements(size));
        group.bench_function(format!("batch {size}"), |b| {
            b.iter(|| {
                let texts = texts.iter().cycle().take(size as usize);
                runtime.block_on(join_all(texts.map(|text| encoder.encode_text(text, Priority::Search))))
            });
        });
        group.finish();
    }
}

criterion_group!(benches, preprocessing, encoding);
criterion_main!(benches);
