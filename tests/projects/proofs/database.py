"""A database in three styles."""

import psycopg2
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

connection = psycopg2.connect("dbname=app")
SessionLocal = sessionmaker(bind=create_engine("postgresql://localhost/app"))


class Base(DeclarativeBase):
    pass


class Session(Base):
    __tablename__ = "session"
    token: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]


class User(Base):
    __tablename__ = "user"
    id: Mapped[str] = mapped_column(primary_key=True)


class Setting(Base):
    __tablename__ = "setting"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()
