//! A writer of small JPEG files for tests: four flat quarters, with any sampling, any order of scans, and any frame type.

/// Width and height of every file in pixels. The quarters lie on the bounds of blocks for every sampling up to 4 × 4.
pub const SIZE: (u32, u32) = (192, 128);

/// The colours of the quarters: above left, above right, below left, below right.
pub const QUARTERS: [[u8; 3]; 4] = [[220, 30, 30], [30, 170, 60], [40, 60, 220], [230, 220, 40]];

/// A JPEG to write.
#[derive(Clone)]
pub struct FlatJpeg {
    /// The sampling factors of the components, across and down.
    pub sampling: Vec<(u8, u8)>,
    /// The components of each scan.
    pub scans: Vec<Vec<usize>>,
    /// The marker of the frame; the data is always Huffman-coded.
    pub frame: u8,
    /// The bits of a sample that the frame announces.
    pub precision: u8,
    /// The height that the frame announces.
    pub height: u32,
    /// Whether an Adobe segment says that the components are red, green and blue.
    pub is_rgb: bool,
    /// The number of MCUs between two restart markers; 0 for none.
    pub restart: u16,
}

impl FlatJpeg {
    /// A baseline YCbCr file with one scan.
    pub fn new(sampling: [(u8, u8); 3]) -> Self {
        Self {
            sampling: sampling.to_vec(),
            scans: vec![vec![0, 1, 2]],
            frame: 0xC0,
            precision: 8,
            height: SIZE.1,
            is_rgb: false,
            restart: 0,
        }
    }

    /// Returns the file and the place at which the data of its last scan begins.
    pub fn write(&self) -> (Vec<u8>, usize) {
        let mut bytes = b"\xFF\xD8".to_vec();
        let segment = |bytes: &mut Vec<u8>, marker: u8, payload: &[u8]| {
            bytes.extend([0xFF, marker]);
            bytes.extend((payload.len() as u16 + 2).to_be_bytes());
            bytes.extend(payload);
        };
        if self.is_rgb {
            segment(&mut bytes, 0xEE, b"Adobe\0\x64\0\0\0\0\0");
        }
        // A flat block has one coefficient, which is eight times its level; a divisor of 8 makes it the level itself.
        segment(&mut bytes, 0xDB, &[[0].as_slice(), &[8; 64]].concat());
        let mut frame = vec![self.precision];
        frame.extend((self.height as u16).to_be_bytes());
        frame.extend((SIZE.0 as u16).to_be_bytes());
        frame.push(self.sampling.len() as u8);
        for (id, (across, down)) in (1..).zip(&self.sampling) {
            frame.extend([id, across << 4 | down, 0]);
        }
        segment(&mut bytes, self.frame, &frame);
        // The twelve sizes of differences have codes of four bits, and the end of a block has one of one bit.
        segment(&mut bytes, 0xC4, &[[0, 0, 0, 0, 12].as_slice(), &[0; 12], &(0..12).collect::<Vec<u8>>()].concat());
        segment(&mut bytes, 0xC4, &[[0x10, 1].as_slice(), &[0; 15], &[0]].concat());
        if self.restart > 0 {
            segment(&mut bytes, 0xDD, &self.restart.to_be_bytes());
        }
        let mut data_at = 0;
        for scan in &self.scans {
            let mut header = vec![scan.len() as u8];
            scan.iter().for_each(|component| header.extend([*component as u8 + 1, 0]));
            header.extend([0, 63, 0]);
            segment(&mut bytes, 0xDA, &header);
            data_at = bytes.len();
            bytes.extend(self.data(scan));
        }
        bytes.extend(b"\xFF\xD9");
        (bytes, data_at)
    }

    fn data(&self, scan: &[usize]) -> Vec<u8> {
        let most = |f: fn(&(u8, u8)) -> u8| u32::from(self.sampling.iter().map(f).max().unwrap());
        let (most_across, most_down) = (most(|s| s.0), most(|s| s.1));
        // A scan of one component has its blocks one by one, whatever the sampling.
        let blocks = |component: usize| match scan {
            [_] => (1, 1),
            _ => (u32::from(self.sampling[component].0), u32::from(self.sampling[component].1)),
        };
        // The number of pixels that a block covers.
        let cover = |component: usize| {
            let (across, down) = self.sampling[component];
            (8 * most_across / u32::from(across), 8 * most_down / u32::from(down))
        };
        let step = match scan {
            [only] => cover(*only),
            _ => (8 * most_across, 8 * most_down),
        };
        let mut bits = Bits::default();
        let mut before = vec![0; self.sampling.len()];
        let (wide, high) = (SIZE.0.div_ceil(step.0), SIZE.1.div_ceil(step.1));
        for mcu in 0..wide * high {
            if self.restart > 0 && mcu > 0 && mcu % u32::from(self.restart) == 0 {
                bits.restart(mcu / u32::from(self.restart) - 1);
                before.fill(0);
            }
            for &component in scan {
                let (width, height) = cover(component);
                for n in 0..blocks(component).0 * blocks(component).1 {
                    let x = mcu % wide * step.0 + n % blocks(component).0 * width;
                    let y = mcu / wide * step.1 + n / blocks(component).0 * height;
                    let level = self.level(component, x, y);
                    bits.block(level - before[component]);
                    before[component] = level;
                }
            }
        }
        bits.finish()
    }

    /// Returns the level of a component at a pixel, from −128 to 127.
    fn level(&self, component: usize, x: u32, y: u32) -> i32 {
        let quarter = usize::from(x >= SIZE.0 / 2) + 2 * usize::from(y >= SIZE.1 / 2);
        let [r, g, b] = QUARTERS[quarter].map(f64::from);
        let value = match component {
            n if self.is_rgb => [r, g, b][n] - 128.0,
            0 => 0.299 * r + 0.587 * g + 0.114 * b - 128.0,
            1 => -0.1687 * r - 0.3313 * g + 0.5 * b,
            _ => 0.5 * r - 0.4187 * g - 0.0813 * b,
        };
        value.round() as i32
    }
}

/// Huffman-coded data.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        for n in (0..count).rev() {
            self.pending = self.pending << 1 | value >> n & 1;
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.pending as u8);
                if self.pending as u8 == 0xFF {
                    self.bytes.push(0);
                }
                (self.pending, self.count) = (0, 0);
            }
        }
    }

    /// Writes a flat block by the difference of its level to that of the block before.
    fn block(&mut self, difference: i32) {
        let size = 32 - difference.unsigned_abs().leading_zeros();
        self.push(size, 4);
        let value = if difference < 0 { difference - 1 } else { difference };
        self.push(value as u32 & ((1 << size) - 1), size);
        self.push(0, 1);
    }

    fn pad(&mut self) {
        while self.count > 0 {
            self.push(1, 1);
        }
    }

    fn restart(&mut self, number: u32) {
        self.pad();
        self.bytes.extend([0xFF, 0xD0 + (number % 8) as u8]);
    }

    fn finish(mut self) -> Vec<u8> {
        self.pad();
        self.bytes
    }
}
