//! Vectors that resemble CLIP embeddings, made on the fly. The `i`-th vector is the same on every machine.
//!
//! The vectors imitate these properties of real embeddings:
//! * Pictures and texts lie in two narrow cones, apart from each other (Liang et al., "Mind the Gap", 2022):
//!   two random pictures have a cosine of about 0.5, a picture and a random text about 0.15, and a
//!   text is nearer to every other text than to the picture that it describes.
//! * A few components are far larger than the rest. The variance falls off along the others (some 170 of 768 components
//!   hold 80 % of the variance), and the order is another one for texts than for pictures.
//! * Pictures crowd around topics and finer subjects, some of which are much more common than others.
//! * A text names a part of what a picture shows, so its neighbours are spread widely.

/// Deterministic pseudo-random numbers (SplitMix64).
pub struct Random(u64);

impl Random {
    /// Makes the generator of the stream `seed`.
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0xd134_2543_de82_ef95) ^ 0x5851_f42d_4c95_7f2d);
        random.next();
        random
    }

    /// Returns 64 random bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number from 0 to 1.
    pub fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 24) as f32
    }

    /// Returns a number of approximately standard Gaussian distribution: the sum of eight bytes, which is cheap and has
    /// bounded tails.
    fn gaussian(&mut self) -> f32 {
        let sum: u32 = self.next().to_le_bytes().iter().map(|b| u32::from(*b)).sum();
        (sum as f32 - 1020.0) / 209.0
    }
}

const TOPICS: u64 = 300;
const SUBJECTS_PER_TOPIC: u64 = 60;

/// A collection of pictures and texts: its cones, topics and subjects.
pub struct Clip {
    dimension: usize,
    /// The variation of each component of a picture.
    spectrum: Vec<f32>,
    /// The variation of each component of a text.
    text_spectrum: Vec<f32>,
    image_cone: Vec<f32>,
    text_cone: Vec<f32>,
    topics: Vec<Vec<f32>>,
    subjects: Vec<Vec<f32>>,
}

impl Clip {
    /// Makes a collection of vectors of `dimension` components.
    pub fn new(dimension: usize) -> Self {
        let mut random = Random::new(dimension as u64);
        let mut spectrum: Vec<f32> = (0..dimension).map(|i| (1.0 + i as f32 / 8.0).powf(-0.6)).collect();
        shuffle(&mut spectrum, &mut random);
        let mut text_spectrum = spectrum.clone();
        shuffle(&mut text_spectrum, &mut random);
        let flat = vec![1.0; dimension];
        let mut image_cone = direction(&flat, &mut random);
        // These are the outliers of CLIP image embeddings.
        for _ in 0..3 {
            let at = random.next() as usize % dimension;
            image_cone[at] += 0.5;
        }
        scale_to(&mut image_cone, 1.0);
        let own = direction(&flat, &mut random);
        let mut text_cone: Vec<f32> = image_cone.iter().zip(own).map(|(i, o)| 0.25 * i + 0.97 * o).collect();
        scale_to(&mut text_cone, 1.0);
        let topics = (0..TOPICS).map(|_| direction(&spectrum, &mut random)).collect();
        let subjects = (0..TOPICS * SUBJECTS_PER_TOPIC).map(|_| direction(&spectrum, &mut random)).collect();
        Self { dimension, spectrum, text_spectrum, image_cone, text_cone, topics, subjects }
    }

    /// Draws a topic and a subject. Common topics and subjects are drawn more often.
    fn draw_subject(random: &mut Random) -> (usize, usize) {
        let topic = (TOPICS as f32 * random.uniform().powf(1.7)) as u64 % TOPICS;
        let subject = (SUBJECTS_PER_TOPIC as f32 * random.uniform().powf(1.7)) as u64 % SUBJECTS_PER_TOPIC;
        (topic as usize, (topic * SUBJECTS_PER_TOPIC + subject) as usize)
    }

    /// Returns the number of the topic of the `i`-th picture.
    pub fn topic(&self, i: u64) -> usize {
        Self::draw_subject(&mut Random::new(i)).0
    }

    /// Returns the `i`-th picture, of length 1.
    pub fn image(&self, i: u64) -> Vec<f32> {
        let mut random = Random::new(i);
        let (topic, subject) = Self::draw_subject(&mut random);
        // Pictures differ in how typical of their topic they are.
        let typical = 0.6 + 0.8 * random.uniform();
        let own = direction(&self.spectrum, &mut random);
        let mut vector: Vec<f32> = (0..self.dimension)
            .map(|c| {
                0.70 * self.image_cone[c]
                    + typical * (0.38 * self.topics[topic][c] + 0.32 * self.subjects[subject][c])
                    + 0.50 * own[c]
            })
            .collect();
        scale_to(&mut vector, 1.0);
        vector
    }

    /// Returns the `i`-th picture outside the collection, of length 1.
    pub fn image_query(&self, i: u64) -> Vec<f32> {
        self.image((1 << 40) + i)
    }

    /// Returns the `i`-th text, of length 1. Half of the texts name only a topic ("cat"), the others name a subject
    /// ("grey cat on a sofa"), and some name two topics.
    pub fn text_query(&self, i: u64) -> Vec<f32> {
        let mut random = Random::new((1 << 41) + i);
        let (topic, subject) = Self::draw_subject(&mut random);
        let (other, _) = Self::draw_subject(&mut random);
        let fine = if i.is_multiple_of(2) { 0.0 } else { 0.25 };
        let second = if i.is_multiple_of(5) { 0.25 } else { 0.0 };
        // Words name only some of what a picture shows, so half the components of a topic are left out.
        let visible: Vec<f32> = (0..self.dimension).map(|_| f32::from(random.next() >> 63 == 0)).collect();
        let own = direction(&self.text_spectrum, &mut random);
        let mut vector: Vec<f32> = (0..self.dimension)
            .map(|c| {
                let meaning =
                    0.3 * self.topics[topic][c] + fine * self.subjects[subject][c] + second * self.topics[other][c];
                0.75 * self.text_cone[c] + visible[c] * meaning + 0.45 * own[c]
            })
            .collect();
        scale_to(&mut vector, 1.0);
        vector
    }
}

fn shuffle(values: &mut [f32], random: &mut Random) {
    for i in (1..values.len()).rev() {
        values.swap(i, (random.next() % (i as u64 + 1)) as usize);
    }
}

/// Returns a random direction whose components vary as `spectrum` says.
fn direction(spectrum: &[f32], random: &mut Random) -> Vec<f32> {
    let mut vector: Vec<f32> = spectrum.iter().map(|s| s * random.gaussian()).collect();
    scale_to(&mut vector, 1.0);
    vector
}

fn scale_to(vector: &mut [f32], length: f32) {
    let factor = length / vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    for x in vector {
        *x *= factor;
    }
}
