//! A mouse with modifier keys and a finger, which WebDriver's clicks lack.

use serde_json::{Value, json};

use crate::page::tab::Page;

/// The modifier keys of the DevTools protocol.
pub const CTRL: u8 = 2;
pub const SHIFT: u8 = 8;

/// A place in the visible part of the page.
pub type Place = (f64, f64);

impl Page {
    /// Returns the middle of an element.
    pub async fn middle(&self, css: &str) -> Place {
        let script =
            "const { left, top, width, height } = document.querySelector(arguments[0]).getBoundingClientRect();
                      return [left + width / 2, top + height / 2]";
        serde_json::from_value(self.js(script, &[json!(css)]).await).unwrap()
    }

    async fn mouse(&self, kind: &str, (x, y): Place, modifiers: u8) {
        let pressed = u8::from(kind != "mouseReleased");
        let event = json!({"type": kind, "x": x, "y": y, "modifiers": modifiers, "button": "left", "buttons": pressed, "clickCount": 1});
        self.browser.cdp("Input.dispatchMouseEvent", event).await;
    }

    /// Clicks on an element with the mouse, while modifier keys are down.
    pub async fn click_with(&self, css: &str, modifiers: u8) {
        let place = self.middle(css).await;
        self.mouse("mousePressed", place, modifiers).await;
        self.mouse("mouseReleased", place, modifiers).await;
    }

    /// Presses the mouse at one place and moves it to another.
    pub async fn drag_to(&self, from: Place, to: Place, modifiers: u8) {
        self.mouse("mousePressed", from, modifiers).await;
        self.mouse("mouseMoved", ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0), modifiers).await;
        self.mouse("mouseMoved", to, modifiers).await;
    }

    /// Lets the mouse go.
    pub async fn release(&self, at: Place, modifiers: u8) {
        self.mouse("mouseReleased", at, modifiers).await;
    }

    async fn touch(&self, kind: &str, points: Value) {
        self.browser.cdp("Input.dispatchTouchEvent", json!({"type": kind, "touchPoints": points})).await;
    }

    /// Puts a finger on an element.
    pub async fn touch_down(&self, css: &str) {
        let (x, y) = self.middle(css).await;
        self.touch("touchStart", json!([{"x": x, "y": y}])).await;
    }

    /// Moves the finger to another place.
    pub async fn touch_move(&self, (x, y): Place) {
        self.touch("touchMove", json!([{"x": x, "y": y}])).await;
    }

    /// Lifts the finger.
    pub async fn touch_up(&self) {
        self.touch("touchEnd", json!([])).await;
    }

    /// Taps on an element.
    pub async fn tap(&self, css: &str) {
        self.touch_down(css).await;
        self.touch_up().await;
    }
}
