"""The demo of a camera: something moves at the porch, its picture waits, a person agrees, the picture is stored."""
