"""`binaan demo`: the main job on real servers, told from an office's file to the message on an owner's phone.

It speaks the public contract like any other program: two agencies at the door, the ministry's account at the history.
What it tells is counted from events and replies, and held against what is known of the files before.
"""
